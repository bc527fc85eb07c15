import { accounts } from '@turnpike/db/schema'
import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { sealExtraHeaders } from '../../apps/server/src/shared/account-secrets.ts'
import { type Answered, type GatewayWorld, sharedGatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { chatAnswer, sendJson, startRawUpstream } from '../support/raw-upstream.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('every answer says who it is and where its time went', () => {
  const shared = sharedGatewayWorld({ accounts: [{ models: ['sandbox-small', 'sandbox-small?fault=cut'] }] })

  test.each<[string, (world: GatewayWorld) => Promise<Answered>, number, string]>([
    ['JSON', (w) => w.chat(), 200, '1'],
    ['a stream', (w) => w.chat({ stream: true }), 200, '1'],
    ['a Responses stream', (w) => w.responses({ stream: true }), 200, '1'],
    ['the models', (w) => w.request('/v1/models', { method: 'GET' }), 200, '0'],
    ['the usage', (w) => w.request('/v1/usage', { method: 'GET' }), 200, '0'],
    ['a refused key', (w) => w.chat({}, { apiKey: 'x' }), 401, '0'],
    ['a refused key of the models', (w) => w.request('/v1/models', { method: 'GET', apiKey: 'x' }), 401, '0'],
    ['a refused body', (w) => w.request('/v1/responses', { body: '[]' }), 400, '0'],
    ['an unknown route', (w) => w.request('/v1/nothing'), 404, '0'],
    ['a wrong method', (w) => w.request('/v1/responses', { method: 'PUT' }), 405, '0'],
    ['an unknown model', (w) => w.chat({ model: 'nobody' }), 404, '0'],
    ['a mistake told by the upstream', (w) => w.chat({ messages: 5 }), 400, '1'],
    ['an upstream that failed', (w) => w.chat({ model: 'sandbox-small?fault=cut' }), 502, '1'],
  ])('%s', async (_, ask, status, attempts) => {
    const { headers, ...answer } = await ask(shared())
    expect(answer.status).toBe(status)
    expect(headers.get('x-request-id')).toMatch(UUID_V7)
    expect(headers.get('openai-processing-ms')).toMatch(/^\d+$/)
    expect(headers.get('server-timing')).toMatch(
      /^queue;dur=[\d.]+, route;dur=[\d.]+, upstream;dur=[\d.]+, gateway;dur=[\d.]+$/,
    )
    expect(headers.get('x-turnpike-attempts')).toBe(attempts)
    expect(headers.get('x-turnpike-queue-ms')).toBe('0')
    expect(headers.get('x-powered-by')).toBeNull()
  })

  test.each<[string, Record<string, string>, string | null]>([
    ['his x-client-request-id', { 'x-client-request-id': 'mine-1' }, 'mine-1'],
    ['his x-request-id', { 'x-request-id': 'mine-2' }, 'mine-2'],
    ['the former before the latter', { 'x-request-id': 'b', 'x-client-request-id': 'a' }, 'a'],
    ['128 characters', { 'x-client-request-id': 'x'.repeat(128) }, 'x'.repeat(128)],
    ['no more than 128', { 'x-client-request-id': 'x'.repeat(129) }, null],
    ['nothing with a space', { 'x-client-request-id': 'a b' }, null],
    ['nothing that is not ASCII', { 'x-client-request-id': 'é' }, null],
  ])('the caller gets back %s, and the ledger keeps it', async (_, headers, echoed) => {
    const world = shared()
    const answer = await world.chat({}, { headers })
    expect(answer.headers.get('x-client-request-id')).toBe(echoed)
    const refused = await world.request('/v1/nothing', { headers })
    expect(refused.headers.get('x-client-request-id')).toBe(echoed)
    const requestId = answer.headers.get('x-request-id')
    expect(await world.ledger()).toContainEqual(expect.objectContaining({ requestId, clientRequestId: echoed }))
  })

  test('the time inside the request id is when the request was admitted', async () => {
    await using world = await startGatewayWorld()
    const before = Date.now()
    const id = (await world.chat()).headers.get('x-request-id') ?? ''
    const [row] = await world.ledger()
    expect(row?.createdAt.getTime()).toBe(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16))
    expect(row?.createdAt.getTime()).toBeGreaterThanOrEqual(before)
  })
})

const CALLER_HEADERS = {
  accept: 'application/json',
  'accept-language': 'de',
  'user-agent': 'Caller/1',
  'openai-beta': 'assistants=v2',
  'idempotency-key': 'once',
  'openai-organization': 'org-1',
  'openai-project': 'proj-1',
  cookie: 'session=1',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  'x-forwarded-for': '192.0.2.1',
  'x-api-key': 'other',
  'session-id': 'my-session',
  'x-client-request-id': 'mine',
  'x-stainless-lang': 'js',
  'x-sandbox': 'words=3',
  origin: 'http://evil.example',
  referer: 'http://evil.example/page',
}

describe('to the upstream', () => {
  /** Names and values of what reached the upstream, without what belongs to the connection. */
  async function forwarded(change: (world: GatewayWorld) => Promise<unknown> = async () => {}) {
    await using upstream = await startRawUpstream((response) => sendJson(response, chatAnswer()))
    await using world = await startGatewayWorld({ accounts: [{ baseUrl: upstream.baseUrl }] })
    await change(world)
    await world.gateway.reload()
    expect((await world.chat({}, { headers: CALLER_HEADERS })).status).toBe(200)
    const {
      host: _host,
      connection: _connection,
      'content-length': _length,
      ...headers
    } = upstream.requests[0]?.headers ?? {}
    return headers
  }

  const ALLOWED = {
    accept: 'application/json',
    'accept-language': 'de',
    'user-agent': 'Caller/1',
    'openai-beta': 'assistants=v2',
    'idempotency-key': 'once',
    'content-type': 'application/json',
    authorization: 'Bearer upstream-secret',
  }

  test("go the account's secret and the headers of the allow-list, nothing else", async () => {
    expect(await forwarded()).toEqual(ALLOWED)
  })

  test('go organisation and project where the account lets them', async () => {
    const headers = await forwarded((world) => world.db.update(accounts).set({ forwardOrganization: true }))
    expect(headers).toEqual({ ...ALLOWED, 'openai-organization': 'org-1', 'openai-project': 'proj-1' })
  })

  test("go the account's extra headers, before the caller's own", async () => {
    const headers = await forwarded(async ({ db, box, accountIds: [id = 0] }) => {
      const extraHeadersSealed = sealExtraHeaders(box, id, { 'x-team': 'blue', 'user-agent': 'Ours/2' })
      await db.update(accounts).set({ extraHeadersSealed }).where(eq(accounts.id, id))
    })
    expect(headers).toEqual({ ...ALLOWED, 'x-team': 'blue', 'user-agent': 'Ours/2' })
  })

  test('goes the secret of Azure as Azure wants it', async () => {
    const headers = await forwarded((world) => world.db.update(accounts).set({ provider: 'azure-openai' }))
    const { authorization: _, ...others } = ALLOWED
    expect(headers).toEqual({ ...others, 'api-key': 'upstream-secret' })
  })
})

describe('from the upstream', () => {
  const UPSTREAM_HEADERS = {
    'openai-version': '2020-10-01',
    'openai-processing-ms': '12345',
    'cache-control': 'no-store',
    'set-cookie': ['a=1', 'b=2'],
    server: 'upstream',
    'x-request-id': 'req_theirs',
    'openai-organization': 'org-theirs',
    'x-ratelimit-remaining-requests': '5',
    'retry-after': '7',
    location: 'http://upstream.example/',
    'x-should-retry': 'true',
    'access-control-allow-origin': '*',
    'x-turnpike-attempts': '99',
  }
  const NOT_RELAYED = [
    'set-cookie',
    'server',
    'location',
    'retry-after',
    'openai-organization',
    'access-control-allow-origin',
    'x-ratelimit-remaining-requests',
  ]
  const CHUNK = 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'

  test.each<[string, number, string, string]>([
    ['JSON', 200, 'application/json', chatAnswer()],
    ['a stream', 200, 'text/event-stream', `${CHUNK}data: [DONE]\n\n`],
    [
      'an error of the caller',
      422,
      'application/json',
      '{"error":{"message":"no","type":"t","param":null,"code":"c"}}',
    ],
  ])('only headers of the allow-list are relayed with %s', async (_, status, type, body) => {
    await using upstream = await startRawUpstream((response) =>
      response.writeHead(status, { ...UPSTREAM_HEADERS, 'content-type': type }).end(body),
    )
    await using world = await startGatewayWorld({ accounts: [{ baseUrl: upstream.baseUrl }] })
    const { headers, ...answer } = await world.chat({ stream: type === 'text/event-stream' })
    expect(answer).toEqual({ status, text: body })
    expect(NOT_RELAYED.filter((name) => headers.has(name))).toEqual([])
    expect(headers.get('content-type')).toBe(type)
    expect(headers.get('x-request-id')).toMatch(UUID_V7)
    expect(headers.get('x-turnpike-attempts')).toBe('1')
    expect(headers.get('x-should-retry')).toBe(status === 200 ? null : 'false')
    if (status === 200) {
      expect(headers.get('openai-version')).toBe('2020-10-01')
      expect(headers.get('openai-processing-ms')).toBe('12345')
      expect(headers.get('cache-control')).toBe('no-store')
    }
    const [row] = await world.ledger()
    expect(row?.attempts).toMatchObject([{ upstreamRequestId: 'req_theirs', status }])
  })
})

test('neither the key nor the secret of an account is stored in the clear, or told to anybody', async () => {
  await using world = await startGatewayWorld({ accounts: [{ priority: 1 }, { priority: 2 }] })
  world.setFault({ kind: 'status', status: 401, message: 'Incorrect API key provided: upstream-secret' }, 0)
  const answers = [await world.chat(), await world.chat({ stream: true }), await world.responses()]
  world.setFault({ kind: 'status', status: 403, message: 'upstream-secret' }, 1)
  answers.push(await world.chat())
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 502])
  await world.ledger()
  const tables = await world.sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public'`
  const stored = await Promise.all(tables.map(({ name }) => world.sql`select t::text from ${world.sql(name)} t`))
  const told = answers.map(({ text, headers }) => [text, ...headers.values()])
  const everything = JSON.stringify([stored, told, world.outcomes])
  expect(everything).toContain('upstream_auth')
  expect(everything).not.toContain('upstream-secret')
  expect(everything).not.toContain(world.key.slice(-43))
})
