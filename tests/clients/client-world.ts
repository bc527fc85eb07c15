import { LLMock } from '@copilotkit/aimock'
import type { TurnpikeClient } from '@turnpike/client'
import { createSandbox, type Sandbox } from '@turnpike/sandbox'
import { signIn } from '../support/admin.ts'
import { makeDataDir } from '../support/data-dir.ts'
import { startTurnpike } from '../support/start-turnpike.ts'
import { addForeignAnswers } from './foreign-answers.ts'

export const UPSTREAMS = ['sandbox', 'aimock'] as const
export type UpstreamName = (typeof UPSTREAMS)[number]

/** What a client is given: an address and a key, behind which one upstream answers. */
export interface Door {
  baseURL: string
  apiKey: string
  model: string
}

export interface ClientWorld extends AsyncDisposable {
  doors: Record<UpstreamName, Door>
  admin: TurnpikeClient
  sandbox: Sandbox
  foreign: LLMock
}

const MODEL = 'sandbox-small'

/** A started Turnpike with two upstreams, each behind a key of its own: our sandbox, and a mock that nobody here wrote. */
export async function openClientWorld(): Promise<ClientWorld> {
  await using opened = new AsyncDisposableStack()
  const dataDir = opened.use(await makeDataDir())
  const sandbox = await createSandbox()
  opened.defer(() => sandbox.close())
  const foreign = addForeignAnswers(new LLMock({ port: 0, host: '127.0.0.1', logLevel: 'silent' }))
  await foreign.start()
  opened.defer(() => foreign.stop())
  const turnpike = opened.use(
    await startTurnpike({ dataDir: dataDir.path, env: { TURNPIKE_PRIVATE_UPSTREAMS: '127.0.0.1' } }),
  )
  const admin = await signIn(turnpike)
  const baseURL = turnpike.facts.gatewayUrl
  const doors = {
    sandbox: { baseURL, apiKey: await openDoor(admin, 'sandbox', `${sandbox.url}/v1`), model: MODEL },
    aimock: { baseURL, apiKey: await openDoor(admin, 'aimock', `${foreign.url}/v1`), model: MODEL },
  }
  const held = opened.move()
  return { doors, admin, sandbox, foreign, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

/** One group with one account, and a key to it. */
async function openDoor(admin: TurnpikeClient, name: UpstreamName, baseUrl: string): Promise<string> {
  const group = await admin.groups.create.mutate({ name })
  await admin.accounts.create.mutate({
    name,
    provider: 'openai-compatible',
    baseUrl,
    secret: 'upstream-secret',
    protocol: 'responses+chat',
    models: [MODEL],
    concurrency: 50,
    groupIds: [group.id],
  })
  const { user } = await admin.auth.me.query()
  const key = await admin.keys.create.mutate({ name, userId: user.id, groupId: group.id })
  return key.secret
}
