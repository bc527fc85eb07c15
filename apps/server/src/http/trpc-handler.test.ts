import { request } from 'node:http'
import { expect, test } from 'vitest'
import { type TrpcWorld, trpcWorld } from '../testing/trpc-world.ts'

test.each([
  ['another origin', { origin: 'https://evil.example' }, 403],
  ['an opaque origin', { origin: 'null' }, 403],
  ['another site, by Fetch Metadata', { 'sec-fetch-site': 'cross-site' }, 403],
  ['a sibling host, by Fetch Metadata', { 'sec-fetch-site': 'same-site' }, 403],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ['a text form that smells like JSON', { 'content-type': 'text/plain' }, 415],
  ['a multipart form', { 'content-type': 'multipart/form-data; boundary=x' }, 415],
])('a mutation from %s is refused before any effect', async (_who, headers, status) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const answer = await world.post('groups.create', { cookie, input: { name: 'planted' }, headers })
  expect(answer.status).toBe(status)
  expect(answer.error.data).toMatchObject({ reason: status === 403 ? 'forbidden' : 'invalid_input', field: null })
  expect((await world.services.groups.list({ limit: 10 })).items).toEqual([])
})

test('a mutation is never a GET', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  expect(await world.get('groups.create', { cookie, input: { name: 'planted' } })).toMatchObject({ status: 405 })
  expect((await world.services.groups.list({ limit: 10 })).items).toEqual([])
})

test('an allowed foreign origin may read the answer, but a cookie does not count there and it may not change anything', async () => {
  await using world = await trpcWorld({ env: { corsOrigins: ['https://app.example'] } })
  const { cookie } = await world.signIn('admin')
  const headers = { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }
  const query = await world.get('auth.me', { cookie, headers })
  expect(query.status).toBe(401)
  expect(query.headers.get('access-control-allow-origin')).toBe('https://app.example')
  expect(query.headers.get('access-control-allow-credentials')).toBeNull()
  expect((await world.post('groups.create', { cookie, headers, input: { name: 'planted' } })).status).toBe(403)
})

test('a preflight is answered for allowed origins only', async () => {
  await using world = await trpcWorld({ env: { corsOrigins: ['https://app.example'] } })
  const preflight = (origin: string) => {
    return fetch(`${world.origin}/trpc/auth.me`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'GET' },
    })
  }
  const allowed = await preflight('https://app.example')
  expect([allowed.status, allowed.headers.get('access-control-allow-methods')]).toEqual([204, 'GET, POST'])
  const refused = await preflight('https://evil.example')
  expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([403, null])
})

test('a name that somebody else made resolve to us is refused', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  expect(await statusWithHost(world, 'evil.example:8787', cookie)).toBe(403)
  expect(await statusWithHost(world, 'localhost:8787', cookie)).toBe(200)
})

test('errors carry reason, field and request id, and nothing of the machine', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const answer = await world.post('users.create', { cookie, input: { email: 'not an address' } })
  expect(answer.error).toEqual({
    message: 'Invalid input',
    code: -32600,
    data: {
      code: 'BAD_REQUEST',
      httpStatus: 400,
      reason: 'invalid_input',
      field: 'email',
      requestId: expect.any(String),
    },
  })
  expect(answer.headers.get('x-request-id')).toBe(answer.error.data.requestId)
  expect(await world.get('no.such', { cookie })).toMatchObject({
    status: 404,
    error: { message: 'Unknown procedure', data: { reason: 'not_found' } },
  })
})

test('our own faults are "internal" outside, and a log line with the same request id inside, without SQL or values', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  await world.database.sql`alter table groups rename to planted_secret_table`
  const answer = await world.get('groups.list', { cookie })
  expect(answer).toMatchObject({
    status: 500,
    error: { message: 'Internal server error', data: { reason: 'internal' } },
  })
  expect(answer.text).not.toMatch(/select|groups|stack|\.ts/)
  const line = world.logged.find((text) => text.includes(answer.error.data.requestId))
  expect(JSON.parse(line ?? '{}')).toMatchObject({
    msg: 'a procedure failed',
    procedure: 'groups.list',
    err: { cause: { code: '42P01' } },
  })
  expect(line).not.toMatch(/select|"message"/)
})

test.each([
  ['cut JSON', '{"email":'],
  ['no object', '"x"'],
  ['an array', '[]'],
  ['deep nesting', '['.repeat(100_000)],
  ['duplicate members', '{"email":"a@b.c","email":"d@e.f","x":1}'],
  ['a prototype', '{"__proto__":{"email":"a@b.c"},"constructor":1}'],
  ['a lone surrogate', '{"email":"a@b.example","name":"\\ud800"}'],
  ['NUL', '{"email":"a@b.example","name":"a\\u0000b"}'],
  ['a huge number', '{"email":"a@b.example","concurrency":1e999}'],
  ['an integer beyond 2^53', '{"email":"a@b.example","concurrency":9007199254740993}'],
])('%s as a body is the caller’s fault', async (_what, body) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const response = await fetch(`${world.origin}/trpc/users.create`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: world.origin, cookie },
    body,
  })
  expect(response.status).toBe(400)
  expect(((await response.json()) as { error: { data: { reason: string } } }).error.data.reason).toMatch(
    /^(invalid_input|unknown_field)$/,
  )
})

test('a body of more than a megabyte and a batch of more than fifty are refused', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  expect((await world.post('users.create', { cookie, input: { notes: 'x'.repeat(1024 * 1024) } })).status).toBe(413)
  const batch = (size: number) =>
    fetch(`${world.origin}/trpc/${Array(size).fill('auth.me').join(',')}?batch=1`, { headers: { cookie } })
  expect((await batch(50)).status).toBe(200)
  expect((await batch(51)).status).toBe(400)
})

test('answers are never streamed, cached or sniffed', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const answer = await world.get('auth.me', { cookie, headers: { 'trpc-accept': 'application/jsonl' } })
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
})

test('subscriptions are not served over plain HTTP', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const response = await fetch(`${world.origin}/trpc/ops.live`, { headers: { cookie } })
  const text = await response.text()
  expect(text).toContain('METHOD_NOT_SUPPORTED')
  expect(text).not.toContain('"qps"')
})

// fetch does not let anybody choose the Host header.
function statusWithHost(world: TrpcWorld, host: string, cookie: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${world.origin}/trpc/auth.me`, { headers: { host, cookie } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .once('error', reject)
      .end()
  })
}
