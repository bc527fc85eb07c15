import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { accounts } from '@turnpike/db/schema'
import { expect, test } from 'vitest'
import { openAccountSecret, openExtraHeaders } from '../../shared/account-secrets.ts'
import { type TrpcWorld, trpcWorld } from '../../testing/trpc-world.ts'
import type { Account, AccountView } from './account.ts'

const SECRET = 'sk-planted-upstream-secret-7890'

interface Seen {
  path: string
  headers: IncomingMessage['headers']
  body: Record<string, unknown>
}

type Answer = (path: string) => { status: number; body?: unknown; location?: string }

/** An upstream that remembers what it was asked. */
async function upstream(answer: Answer = answerWell) {
  const seen: Seen[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => {
      const text = Buffer.concat(chunks).toString()
      seen.push({ path: request.url ?? '', headers: request.headers, body: text === '' ? {} : JSON.parse(text) })
      const { status, body, location } = answer(request.url ?? '')
      response.writeHead(status, location === undefined ? {} : { location }).end(JSON.stringify(body ?? {}))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function answerWell(path: string): ReturnType<Answer> {
  return { status: 200, body: path.endsWith('/models') ? { data: [{ id: 'm-1' }, { id: 'm-2' }, { id: 'm-1' }] } : {} }
}

async function create(world: TrpcWorld, input: object) {
  const { cookie } = await world.signIn('admin')
  const answer = await world.post('accounts.create', {
    cookie,
    input: { name: 'a', provider: 'openai-compatible', secret: SECRET, ...input },
  })
  return { cookie, answer, account: answer.data as Account }
}

test('a new account has the defaults of the contract, the upstream’s models, and shows four characters of its secret', async () => {
  await using world = await trpcWorld()
  await using server = await upstream()
  const group = await world.services.groups.create({ name: 'g' })
  const { answer, account, cookie } = await create(world, {
    baseUrl: `${server.url}/`,
    groupIds: [group.id],
    extraHeaders: { 'X-Team': 'planted-header' },
  })
  expect(account).toEqual({
    id: expect.any(Number),
    name: 'a',
    provider: 'openai-compatible',
    baseUrl: `${server.url}/v1`,
    protocol: 'chat',
    auth: 'api_key',
    secretLast4: '7890',
    oauth: null,
    extraHeaderNames: ['x-team'],
    forwardOrganization: false,
    proxyHost: null,
    affinityDomain: null,
    priority: 50,
    weight: 1,
    concurrency: 3,
    modelMapping: {},
    models: ['m-1', 'm-2'],
    modelsDiscovered: true,
    groupIds: [group.id],
    groupPriorities: [],
    healthCheck: { minutes: null, recovers: false, lastAt: null },
    schedulable: true,
    status: 'active',
    statusReason: null,
    coolingUntil: null,
    coolingReason: null,
    modelCooling: [],
    inFlight: 0,
    waiting: 0,
    lastUsedAt: null,
    expiresAt: null,
  })
  expect(server.seen).toMatchObject([
    { path: '/v1/models', headers: { authorization: `Bearer ${SECRET}`, 'x-team': 'planted-header' } },
  ])
  for (const text of [
    answer.text,
    (await world.get('accounts.list', { cookie })).text,
    JSON.stringify(await world.database.sql`select * from accounts`),
  ]) {
    expect(text).not.toContain('planted')
  }
  const [row] = await world.database.db.select().from(accounts)
  expect(row && [openAccountSecret(world.box, row), openExtraHeaders(world.box, row)]).toEqual([
    SECRET,
    { 'x-team': 'planted-header' },
  ])
})

test('an upstream that does not answer in time, or nonsense, leaves the models unknown and the account made', async () => {
  await using world = await trpcWorld()
  await using server = await upstream(() => ({ status: 200, body: { data: 'nonsense' } }))
  expect((await create(world, { baseUrl: server.url })).account).toMatchObject({ models: [], status: 'active' })
})

test('models that are given are taken as they are; an empty list is no list', async () => {
  await using world = await trpcWorld()
  await using server = await upstream()
  const { cookie, account } = await create(world, { baseUrl: server.url, models: ['only'] })
  expect([account.models, server.seen]).toEqual([['only'], []])
  await world.post('accounts.update', { cookie, input: { id: account.id, models: [] } })
  expect(await world.database.sql`select models from accounts`).toMatchObject([{ models: null }])
})

test('an address that may not be reached is refused at its field, when it is made and when it is changed', async () => {
  const egress = {
    checkUrl: async (url: string) => {
      if (url.includes('169.254')) throw new Error('no')
    },
  }
  await using world = await trpcWorld({ egress })
  await using server = await upstream()
  const refusal = { status: 400, error: { data: { reason: 'unsafe_destination', field: 'baseUrl' } } }
  const { cookie, account } = await create(world, { baseUrl: server.url })
  const input = { name: 'b', provider: 'openai-compatible', secret: SECRET, baseUrl: 'http://169.254.169.254/' }
  expect(await world.post('accounts.create', { cookie, input })).toMatchObject(refusal)
  expect(
    await world.post('accounts.update', { cookie, input: { id: account.id, baseUrl: 'http://169.254.169.254/' } }),
  ).toMatchObject(refusal)
  expect((await world.services.accounts.get(account.id)).baseUrl).toBe(`${server.url}/v1`)
})

test.each([
  [{ provider: 'openai-compatible' }, 'baseUrl'],
  [{ provider: 'azure-openai' }, 'baseUrl'],
  [{ provider: 'sandbox' }, 'baseUrl'],
  [{ baseUrl: 'https://user:pw@host.example' }, 'baseUrl'],
  [{ baseUrl: 'host.example' }, 'baseUrl'],
  [{ provider: 'anthropic' }, 'provider'],
  [{ auth: 'oauth2' }, 'auth'],
  [{ secret: 'two words' }, 'secret'],
  [{ secret: 'line\nbreak' }, 'secret'],
  [{ secret: '' }, 'secret'],
  [{ weight: 0 }, 'weight'],
  [{ extraHeaders: { 'x y': '1' } }, 'extraHeaders'],
  [{ extraHeaders: { x: 'a\r\nb: c' } }, 'extraHeaders.x'],
  [{ protocol: 'grpc' }, 'protocol'],
])('an account with %j is refused at %s', async (input, field) => {
  await using world = await trpcWorld()
  const { answer } = await create(world, input)
  expect(answer.status).toBe(400)
  expect(answer.error.data.reason).toBe('invalid_input')
  expect(String(answer.error.data.field ?? field)).toContain(field)
  expect(await world.database.sql`select id from accounts`).toEqual([])
})

test('an update without a secret keeps it, one with a secret replaces it', async () => {
  await using world = await trpcWorld()
  await using server = await upstream()
  const { cookie, account } = await create(world, { baseUrl: server.url })
  const secretNow = async () => {
    const [row] = await world.database.db.select().from(accounts)
    return row && openAccountSecret(world.box, row)
  }
  const renamed = await world.post('accounts.update', {
    cookie,
    input: { id: account.id, name: 'renamed', modelMapping: { 'gpt-*': 'x', '*': '*' } },
  })
  expect(renamed.data).toMatchObject({ name: 'renamed', secretLast4: '7890', modelMapping: { 'gpt-*': 'x', '*': '*' } })
  expect(await secretNow()).toBe(SECRET)
  const replaced = await world.post('accounts.update', {
    cookie,
    input: { id: account.id, secret: 'sk-another-secret-1234' },
  })
  expect(replaced.data).toMatchObject({ secretLast4: '1234' })
  expect(await secretNow()).toBe('sk-another-secret-1234')
})

test('a short secret shows nothing of itself', async () => {
  await using world = await trpcWorld()
  await using server = await upstream()
  expect((await create(world, { baseUrl: server.url, secret: 'sk-short' })).account.secretLast4).toBe('')
})

test('what the running gateway knows is shown with what is stored; what has passed is not', async () => {
  await using server = await upstream()
  const soonMs = Date.now() + 60_000
  const view: AccountView = {
    inFlight: 2,
    waiting: 5,
    coolingUntilMs: soonMs,
    coolingReason: 'upstream_rate_limit',
    modelCooling: [
      { model: 'm-1', untilMs: soonMs, reason: 'rate' },
      { model: 'm-2', untilMs: 1, reason: 'over' },
    ],
    lastUsedAtMs: soonMs - 120_000,
  }
  await using world = await trpcWorld({ runtime: { view: () => view } })
  const { account } = await create(world, { baseUrl: server.url })
  expect(account).toMatchObject({
    inFlight: 2,
    waiting: 5,
    coolingUntil: new Date(soonMs).toISOString(),
    coolingReason: 'upstream_rate_limit',
    modelCooling: [{ model: 'm-1', until: new Date(soonMs).toISOString(), reason: 'rate' }],
    lastUsedAt: new Date(soonMs - 120_000).toISOString(),
  })
})

test('clearing forgets errors and cooling, stored and running, but does not enable what was disabled', async () => {
  const cleared: number[] = []
  await using world = await trpcWorld({ runtime: { clear: async (id) => void cleared.push(id) } })
  await using server = await upstream()
  const { cookie, account } = await create(world, { baseUrl: server.url })
  await world.database.sql`update accounts set status = 'error', status_reason = 'payment_required',
    cooling_until = now() + interval '1 hour', cooling_reason = 'x', health = '{"fails":3}'`
  const answer = await world.post('accounts.clearState', { cookie, input: { id: account.id } })
  expect(answer.data).toMatchObject({ status: 'active', statusReason: null, coolingUntil: null, coolingReason: null })
  expect(cleared).toEqual([account.id])
  expect(await world.database.sql`select health from accounts`).toMatchObject([{ health: {} }])
  await world.post('accounts.update', { cookie, input: { id: account.id, status: 'disabled' } })
  expect((await world.post('accounts.clearState', { cookie, input: { id: account.id } })).data).toMatchObject({
    status: 'disabled',
  })
})

test('groups that stay with an account keep their priority there', async () => {
  await using world = await trpcWorld()
  await using server = await upstream()
  const groups = await Promise.all(['a', 'b', 'c'].map((name) => world.services.groups.create({ name })))
  const [first = 0, second = 0, third = 0] = groups.map(({ id }) => id)
  const { cookie, account } = await create(world, { baseUrl: server.url, groupIds: [first, second] })
  await world.database.sql`update account_groups set priority = 7 where group_id = ${second}`
  const moved = await world.post('accounts.update', { cookie, input: { id: account.id, groupIds: [second, third] } })
  expect((moved.data as Account).groupIds).toEqual([second, third].sort((a, b) => a - b))
  expect(await world.database.sql`select priority from account_groups where group_id = ${second}`).toMatchObject([
    { priority: 7 },
  ])
  expect((await world.services.accounts.list({ limit: 10, groupId: third })).items).toHaveLength(1)
  expect((await world.services.accounts.list({ limit: 10, groupId: first })).items).toEqual([])
})

test.each([
  ['openai-compatible', 'chat', '/v1/chat/completions', { max_tokens: 1 }],
  ['openai', 'responses+chat', '/v1/chat/completions', { max_completion_tokens: 1 }],
  ['openai-compatible', 'responses', '/v1/responses', { max_output_tokens: 16, store: false }],
] as const)(
  'a test of %s speaking %s asks for one token of a mapped model',
  async (provider, protocol, path, limit) => {
    await using world = await trpcWorld()
    await using server = await upstream()
    const { cookie, account } = await create(world, {
      provider,
      protocol,
      baseUrl: server.url,
      modelMapping: { mine: 'theirs' },
    })
    server.seen.length = 0
    const answer = await world.post('accounts.test', { cookie, input: { id: account.id, model: 'mine' } })
    expect(answer.data).toEqual({ ok: true, statusClass: '2xx', latencyMs: expect.any(Number), reason: null })
    expect(server.seen).toMatchObject([{ path: '/v1/models' }, { path, body: { model: 'theirs', ...limit } }])
  },
)

test('azure gets its key in its own header', async () => {
  await using world = await trpcWorld()
  await using server = await upstream()
  const { cookie, account } = await create(world, { provider: 'azure-openai', baseUrl: server.url })
  await world.post('accounts.test', { cookie, input: { id: account.id } })
  expect(account.baseUrl).toBe(`${server.url}/openai/v1`)
  expect(server.seen[0]?.headers).toMatchObject({ 'api-key': SECRET })
  expect(server.seen[0]?.headers).not.toHaveProperty('authorization')
})

test.each<[number, object]>([
  [401, { ok: false, statusClass: '4xx', reason: 'unauthorized' }],
  [402, { ok: false, statusClass: '4xx', reason: 'payment_required' }],
  [403, { ok: false, statusClass: '4xx', reason: 'forbidden' }],
  [404, { ok: false, statusClass: '4xx', reason: 'model_not_found' }],
  [418, { ok: false, statusClass: '4xx', reason: 'refused' }],
  [429, { ok: false, statusClass: '4xx', reason: 'rate_limited' }],
  [500, { ok: false, statusClass: '5xx', reason: 'upstream_error' }],
  [302, { ok: false, statusClass: 'none', reason: 'redirect' }],
])('an upstream that answers %d is reported in our words, never in its own', async (status, verdict) => {
  await using world = await trpcWorld()
  await using server = await upstream(() => ({
    status,
    body: { error: 'planted-upstream-words' },
    location: 'http://127.0.0.1:1/',
  }))
  const { cookie, account } = await create(world, { baseUrl: server.url, models: ['m'] })
  const answer = await world.post('accounts.test', { cookie, input: { id: account.id } })
  expect(answer.data).toMatchObject(verdict)
  expect(answer.text).not.toContain('planted')
  expect(server.seen.map(({ path }) => path)).toEqual(['/v1/models', '/v1/chat/completions'])
})

test('an upstream that is not there is unreachable, and one without any model cannot be tested', async () => {
  await using world = await trpcWorld()
  await using server = await upstream((path) => ({ status: path.endsWith('/models') ? 404 : 200 }))
  const { cookie, account } = await create(world, { baseUrl: server.url })
  expect((await world.post('accounts.test', { cookie, input: { id: account.id } })).data).toMatchObject({
    ok: false,
    reason: 'no_model_known',
  })
  await server[Symbol.asyncDispose]()
  expect((await world.post('accounts.test', { cookie, input: { id: account.id, model: 'm' } })).data).toMatchObject({
    ok: false,
    statusClass: 'none',
    reason: 'unreachable',
  })
})
