import { once } from 'node:events'
import { request } from 'node:http'
import { expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import { type TrpcWorld, trpcWorld } from './testing/trpc-world.ts'

test.each([
  ['the request’s own host', (world: TrpcWorld) => ({ origin: world.origin }), 101],
  ['the public URL', () => ({ origin: 'https://panel.example' }), 101],
  ['an allowed foreign page', () => ({ origin: 'https://app.example' }), 101],
  ['any other page', () => ({ origin: 'https://evil.example' }), 403],
  ['the public name under another scheme', () => ({ origin: 'http://panel.example' }), 403],
  ['an opaque origin', () => ({ origin: 'null' }), 403],
  ['no page and no cookie: a program', () => ({}), 101],
  ['no page but a cookie', () => ({ cookie: 'turnpike_session=x' }), 403],
  ['a forged forwarded host', () => ({ origin: 'https://evil.example', 'x-forwarded-host': 'evil.example' }), 403],
  ['a rebound name', () => ({ origin: 'http://evil.example', host: 'evil.example' }), 403],
])('an upgrade from %s', async (_who, headers, status) => {
  await using world = await trpcWorld({
    env: { publicUrl: 'https://panel.example', corsOrigins: ['https://app.example'] },
  })
  expect(await handshake(world, '/trpc', headers(world))).toMatchObject({ status })
})

test('under the permissive policy a cookie without an origin is enough', async () => {
  await using world = await trpcWorld({ env: { opsWsOriginPolicy: 'permissive' } })
  const { cookie } = await world.signIn('viewer')
  const socket = world.socket('/trpc', { cookie })
  expect(await ask(socket, 'auth.me')).toMatchObject({ result: { data: { user: { role: 'viewer' } } } })
})

test('a forwarded host counts for the origin from the named proxies only', async () => {
  const headers = { origin: 'https://panel.example', 'x-forwarded-host': 'panel.example' }
  await using trusting = await trpcWorld({ env: { opsWsTrustProxy: true, opsWsTrustedProxies: ['127.0.0.1'] } })
  expect(await handshake(trusting, '/trpc', headers)).toMatchObject({ status: 101 })
  await using other = await trpcWorld({ env: { opsWsTrustProxy: true, opsWsTrustedProxies: ['10.0.0.1'] } })
  expect(await handshake(other, '/trpc', headers)).toMatchObject({ status: 403 })
  await using off = await trpcWorld({ env: { opsWsTrustProxy: false, opsWsTrustedProxies: ['127.0.0.1'] } })
  expect(await handshake(off, '/trpc', headers)).toMatchObject({ status: 403 })
})

test.each(['/v1/responses', '/responses', '/openai/v1/responses', '/v1/responses?x=1'])(
  'an upgrade on %s is answered 426 with an error an OpenAI client understands',
  async (path) => {
    await using world = await trpcWorld()
    const answer = await handshake(world, path, { authorization: 'Bearer tp-x' })
    expect(answer.status).toBe(426)
    expect(answer.headers).toMatchObject({
      upgrade: 'HTTP/1.1',
      connection: 'close',
      'content-type': 'application/json',
    })
    expect(JSON.parse(answer.body)).toEqual({
      error: {
        message: expect.any(String),
        type: 'invalid_request_error',
        param: null,
        code: 'websocket_not_supported',
      },
    })
  },
)

test.each(['/', '/trpc/', '/trpcx', '/v1/chat/completions', '//evil.example/trpc'])(
  'an upgrade on %s is answered 404',
  async (path) => {
    await using world = await trpcWorld()
    expect(await handshake(world, path, {})).toMatchObject({ status: 404 })
  },
)

test('an offer of HTTP/2 is ignored, and the request behind it answered', async () => {
  await using world = await trpcWorld()
  const offer = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA' }
  expect(await handshake(world, '/trpc/auth.me', offer)).toMatchObject({ status: 401 })
})

test('no more sockets than allowed, in all and per address, and a place is free again when one leaves', async () => {
  await using world = await trpcWorld({
    env: { opsWsMaxConns: 3, opsWsMaxConnsPerIp: 2, trustedProxies: ['127.0.0.1'] },
  })
  const from = (address: string) => world.socket('/trpc', { 'x-forwarded-for': address })
  const first = from('203.0.113.1')
  await Promise.all([once(first, 'open'), once(from('203.0.113.1'), 'open')])
  expect(await handshake(world, '/trpc', { 'x-forwarded-for': '203.0.113.1' })).toMatchObject({ status: 429 })
  await once(from('203.0.113.2'), 'open')
  expect(await handshake(world, '/trpc', { 'x-forwarded-for': '203.0.113.3' })).toMatchObject({ status: 503 })
  first.close()
  const come = async () => (await handshake(world, '/trpc', { 'x-forwarded-for': '203.0.113.1' })).status
  // The server sees him go a moment after he did.
  await expect.poll(come).toBe(101)
})

test('a program that names no ticket in time is sent away', async () => {
  await using world = await trpcWorld({ timings: { firstMessageMs: 50 } })
  const [code] = await once(world.socket('/trpc?connectionParams=1'), 'close')
  expect(code).toBe(4401)
})

test('a ticket opens one socket: in the first message, or in the address', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('operator')
  const first = await ticketOf(world, cookie)
  const inMessage = world.socket('/trpc')
  await once(inMessage, 'open')
  inMessage.send(JSON.stringify({ method: 'connectionParams', data: { token: first } }))
  expect(await ask(inMessage, 'auth.me')).toMatchObject({ result: { data: { user: { role: 'operator' } } } })
  const inAddress = world.socket(`/trpc?token=${await ticketOf(world, cookie)}`)
  expect(await ask(inAddress, 'auth.me')).toMatchObject({ result: { data: { user: { role: 'operator' } } } })

  const again = world.socket(`/trpc?token=${first}`)
  const [code] = await once(again, 'close')
  expect(code).toBe(4401)
})

test('a ticket older than 30 seconds, an invented one and a service token in the address open nothing', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('operator')
  const stale = await ticketOf(world, cookie)
  world.clock.advance(30_000)
  for (const token of [stale, 'tpt_invented', 'tps_service-token', cookie.split('=')[1]]) {
    const [code] = await once(world.socket(`/trpc?token=${token}`), 'close')
    expect(code).toBe(4401)
  }
})

test('a ticket of a session that has ended opens nothing', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('operator')
  const ticket = await ticketOf(world, cookie)
  await world.post('auth.logout', { cookie })
  const [code] = await once(world.socket(`/trpc?token=${ticket}`), 'close')
  expect(code).toBe(4401)
})

test('on a page of an allowed foreign origin the cookie does not count', async () => {
  await using world = await trpcWorld({ env: { corsOrigins: ['https://app.example'] } })
  const { cookie } = await world.signIn('admin')
  const socket = world.socket('/trpc?connectionParams=1', { origin: 'https://app.example', cookie })
  await once(socket, 'open')
  socket.send(JSON.stringify({ method: 'connectionParams', data: {} }))
  expect((await once(socket, 'close'))[0]).toBe(4401)
})

test('a cookie that is none opens a socket only to be told 4401', async () => {
  await using world = await trpcWorld()
  const socket = world.socket('/trpc', { origin: world.origin, cookie: `turnpike_session=${'x'.repeat(43)}` })
  expect((await once(socket, 'close'))[0]).toBe(4401)
})

test('a revoked session closes its sockets with 4401, wherever it was revoked', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('viewer')
  const socket = await openWithCookie(world, cookie)
  const closed = once(socket, 'close')
  // As another instance would do it: behind this one's back.
  await world.database.sql`update sessions set revoked_at = now() where user_id = ${user.id}`
  expect((await closed)[0]).toBe(4401)
})

test('a user who was disabled loses his sockets, one whose role changed is told to come again', async () => {
  await using world = await trpcWorld()
  const { user: viewer, cookie } = await world.signIn('viewer')
  const { user: admin, cookie: adminCookie } = await world.signIn('admin')
  const [viewers, admins] = [await openWithCookie(world, cookie), await openWithCookie(world, adminCookie)]
  const closed = [once(viewers, 'close'), once(admins, 'close')]
  await world.services.users.update({ id: viewer.id, status: 'disabled' }, 'owner')
  await world.services.users.update({ id: admin.id, role: 'viewer' }, 'owner')
  expect((await Promise.all(closed)).map(([code]) => code)).toEqual([4401, 1012])
})

test('every operation on an open socket asks again who calls', async () => {
  await using world = await trpcWorld({ timings: { sessionCheckMs: 60_000 } })
  const { user, cookie } = await world.signIn('viewer')
  const socket = await openWithCookie(world, cookie)
  await world.database.sql`update users set role = 'user' where id = ${user.id}`
  expect(await ask(socket, 'groups.list')).toMatchObject({ error: { data: { reason: 'forbidden' } } })
  await world.database.sql`update sessions set revoked_at = now() where user_id = ${user.id}`
  expect(await ask(socket, 'groups.list')).toMatchObject({ error: { data: { reason: 'unauthenticated' } } })
})

test('with the database away sockets stay', async () => {
  await using world = await trpcWorld({ timings: { sessionCheckMs: 20 } })
  const { cookie } = await world.signIn('viewer')
  const socket = await openWithCookie(world, cookie)
  await world.database.sql`alter table sessions rename to sessions_away`
  while (!world.logged.some((line) => line.includes('could not be checked'))) await nextTurn()
  expect(socket.readyState).toBe(socket.OPEN)
})

test('a frame of more than 64 KiB ends the socket', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const socket = await openWithCookie(world, cookie)
  socket.send('x'.repeat(64 * 1024 + 1))
  expect((await once(socket, 'close'))[0]).toBe(1009)
})

test.each([
  '{',
  '[]',
  '{"id":null}',
  '{"id":1}',
  '{"id":1,"method":"query"}',
  '{"id":1,"method":"query","params":{"path":"__proto__"}}',
  '\u0000',
])('the frame %j harms nobody', async (frame) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const socket = await openWithCookie(world, cookie)
  socket.send(frame)
  expect(await ask(socket, 'auth.me')).toMatchObject({ result: { data: { user: { role: 'viewer' } } } })
})

test('nobody signs in over a socket, where no cookie can be set', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const socket = await openWithCookie(world, cookie)
  const input = { email: 'viewer@turnpike.test', password: 'x' }
  expect(await ask(socket, 'auth.login', 'mutation', input)).toMatchObject({
    error: { data: { reason: 'invalid_input' } },
  })
})

test('a socket carries at most twenty subscriptions', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const socket = await openWithCookie(world, cookie)
  const refused = new Promise<object>((resolve) => {
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as object
      if ('error' in message) resolve(message)
    })
  })
  for (let id = 1; id <= 21; id++) {
    socket.send(JSON.stringify({ id, method: 'subscription', params: { path: 'ops.live' } }))
  }
  expect(await refused).toMatchObject({ error: { data: { reason: 'too_many_attempts' } } })
})

test('a socket runs at most a hundred calls at once, and as many again when they are done', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const socket = await openWithCookie(world, cookie)
  const results = await Promise.all(Array.from({ length: 101 }, () => ask(socket, 'auth.me')))
  expect(results.filter((message) => 'error' in message)).toMatchObject([
    { error: { data: { reason: 'too_many_attempts' } } },
  ])
  expect(await ask(socket, 'auth.me')).toHaveProperty('result')
})

test('a peer that has fallen silent is pinged, and cut off when it stays silent', async () => {
  await using world = await trpcWorld({ timings: { pingMs: 200, deadMs: 5_000 } })
  const { cookie } = await world.signIn('viewer')
  const silent = await openWithCookie(world, cookie)
  const cutOff = once(silent, 'close')
  const alive = await openWithCookie(world, cookie)
  alive.on('message', (data) => {
    if (String(data) === 'PING') alive.send('PONG')
  })
  expect((await cutOff)[0]).toBe(1006)
  expect(alive.readyState).toBe(alive.OPEN)
})

test('an open socket counts as activity of its session', async () => {
  await using world = await trpcWorld({ timings: { touchMs: 10 } })
  const { cookie } = await world.signIn('viewer')
  const socket = await openWithCookie(world, cookie)
  for (let round = 0; round < 3; round++) {
    world.clock.advance(20 * 60_000)
    const since = new Date(world.clock.now() - 60_000)
    while ((await world.database.sql`select id from sessions where last_seen_at > ${since}`).length === 0)
      await nextTurn()
  }
  expect(socket.readyState).toBe(socket.OPEN)
  expect((await world.get('auth.me', { cookie })).status).toBe(200)
})

test('closing asks every client to reconnect, ends with 1012 and refuses newcomers', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const socket = await openWithCookie(world, cookie)
  const messages: string[] = []
  socket.on('message', (data) => messages.push(String(data)))
  const closed = once(socket, 'close')
  await world.close()
  expect((await closed)[0]).toBe(1012)
  expect(messages.map((text) => JSON.parse(text))).toContainEqual({ id: null, method: 'reconnect' })
  expect(world.openSockets()).toBe(0)
  expect(await handshake(world, '/trpc', {})).toMatchObject({ status: 503 })
})

test('no ticket, cookie or password of all this is in the log', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const ticket = await ticketOf(world, cookie)
  await once(world.socket(`/trpc?token=${ticket}x`), 'close')
  await world.post('auth.login', { input: { email: 'planted@turnpike.test', password: 'planted-password' } })
  await world.database.sql`drop table api_keys cascade`
  await world.get('keys.list', { cookie, input: { query: 'planted-query' } })
  const text = world.logged.join('')
  expect(text).toContain('a procedure failed')
  for (const secret of [ticket, cookie.split('=')[1] ?? '', 'planted-password', 'planted-query'])
    expect(text).not.toContain(secret)
})

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function ticketOf(world: TrpcWorld, cookie: string): Promise<string> {
  const { ticket } = (await world.post('auth.wsTicket', { cookie })).data as { ticket: string }
  return ticket
}

async function openWithCookie(world: TrpcWorld, cookie: string): Promise<WebSocket> {
  const socket = world.socket('/trpc', { origin: world.origin, cookie })
  expect(await ask(socket, 'auth.me')).toHaveProperty('result')
  return socket
}

let lastId = 1_000

/** Sends one operation and resolves with the message that answers it. */
async function ask(socket: WebSocket, path: string, method = 'query', input: unknown = undefined): Promise<object> {
  const id = ++lastId
  if (socket.readyState === socket.CONNECTING) await once(socket, 'open')
  return new Promise((resolve, reject) => {
    socket.on('message', function listen(data) {
      const message = JSON.parse(String(data)) as { id?: number }
      if (message.id !== id) return
      socket.off('message', listen)
      resolve(message)
    })
    socket.once('close', (code) => reject(new Error(`closed with ${code}`)))
    socket.send(JSON.stringify({ id, method, params: { path, input } }))
  })
}

interface Handshake {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

function handshake(world: TrpcWorld, path: string, headers: Record<string, string>): Promise<Handshake> {
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  }
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(world.origin)
    const outgoing = request({ hostname, port, path, headers: { ...upgrade, ...headers } })
    outgoing.once('error', reject)
    outgoing.once('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ status: 101, headers: response.headers, body: '' })
    })
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      )
    })
    outgoing.end()
  })
}
