import type { QuickstartFacts } from './quickstart-file.ts'

interface BannerInput extends QuickstartFacts {
  dataDir: string
  /** The password was changed in the panel since; ours does not work any more. */
  isPasswordChanged: boolean
  model: string
}

/** What a newcomer needs, and nothing else: where it is, how to get in, two lines that work when pasted. */
export function quickstartBanner(facts: BannerInput): string {
  const { gatewayUrl, panelUrl, adminEmail, adminPassword, apiKey, dataDir, isPasswordChanged, model } = facts
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello!' }] })
  return `
  Turnpike is ready.

    Gateway   ${gatewayUrl}
    Panel     ${panelUrl}
    Sign in   ${adminEmail}  ${isPasswordChanged ? '(with the password you set in the panel)' : adminPassword}
    API key   ${apiKey}

  Try it with curl:

curl ${gatewayUrl}/chat/completions -H "Authorization: Bearer ${apiKey}" -H "Content-Type: application/json" -d '${body}'

  or with the openai SDK (npm install openai):

node --input-type=module -e 'import OpenAI from "openai"; const c = new OpenAI({ baseURL: "${gatewayUrl}", apiKey: "${apiKey}" }); console.log((await c.chat.completions.create({ model: "${model}", messages: [{ role: "user", content: "Hello!" }] })).choices[0].message.content)'

  Data and log are in ${dataDir}. Ctrl-C stops everything; the next start goes on where this one ended.
`
}
