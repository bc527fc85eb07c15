import type { RouterInputs } from '@turnpike/client'
import { opsExplainRoute } from '@turnpike/core/inputs/explain-route'
import { ENDPOINTS } from '@turnpike/core/words'
import { readText } from '#lib/url/search-params.ts'

type ExplainInput = RouterInputs['ops']['explainRoute']

/** What is typed into the form, as the address holds it too. */
export interface ExplainValues {
  by: 'key' | 'group'
  key: string
  user: string
  group: string
  model: string
  endpoint: string
  session: string
  previous: string
  input: string
  output: string
  ip: string
}

type ExplainField = keyof ExplainValues

const DEFAULT_ENDPOINT = '/v1/chat/completions'
const NOTHING: ExplainValues = {
  by: 'key',
  key: '',
  user: '',
  group: '',
  model: '',
  endpoint: DEFAULT_ENDPOINT,
  session: '',
  previous: '',
  input: '',
  output: '',
  ip: '',
}

export function readExplainValues(params: Pick<URLSearchParams, 'get'>): ExplainValues {
  const read = Object.keys(NOTHING).map((name) => [name, readText(params, name)])
  const given = Object.fromEntries(read.filter(([, value]) => value !== undefined))
  return { ...NOTHING, ...given, by: given.by === 'group' ? 'group' : 'key' }
}

/** As the address holds them: nothing that is not asked for. */
export function explainParams(values: ExplainValues): Record<ExplainField, string | null> {
  const { by, ...rest } = values
  const foreign = by === 'key' ? { user: null, group: null } : { key: null }
  return { ...rest, ...foreign, by: by === 'key' ? null : by }
}

/** What the server is asked, as far as it was typed. */
export function toExplainInput(values: ExplainValues): ExplainInput {
  const { by, key, user, group, model, endpoint, session, previous, input, output, ip } = values
  return {
    ...(by === 'key' ? { keyId: numberOf(key) } : { userId: numberOf(user), groupId: numberOf(group) }),
    model,
    endpoint: ENDPOINTS.find((each) => each === endpoint) ?? DEFAULT_ENDPOINT,
    session: session || undefined,
    previousResponseId: endpoint === '/v1/responses' && previous !== '' ? previous : undefined,
    inputTokens: numberOf(input),
    maxOutputTokens: numberOf(output),
    clientIp: ip || undefined,
  }
}

/** The same where the server would take it; null = something is missing. */
export function askedOf(values: ExplainValues): ExplainInput | null {
  const input = toExplainInput(values)
  return opsExplainRoute.safeParse(input).success ? input : null
}

function numberOf(text: string): number | undefined {
  return text === '' ? undefined : Number(text)
}
