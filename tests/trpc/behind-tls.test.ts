import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect } from 'node:net'
import { createServer } from 'node:tls'
import { createTurnpikeClient, type TurnpikeClient } from '@turnpike/client'
import { Agent, fetch as undiciFetch } from 'undici'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type TrpcWorld, trpcWorld } from '../../apps/server/src/testing/trpc-world.ts'

const CERTIFICATES = new URL('../../apps/server/src/shared/egress/__fixtures__/', import.meta.url)

/** Ends TLS in front of a server, as a load balancer does: bytes go through as they are. The server knows its address first. */
async function openTlsProxy(origin: Promise<string>) {
  const [cert, key] = await Promise.all(
    ['upstream-cert.pem', 'upstream-key.pem'].map((name) => readFile(new URL(name, CERTIFICATES))),
  )
  let port = 0
  void origin.then((url) => {
    port = Number(new URL(url).port)
  })
  const proxy = createServer({ cert, key }, (outside) => {
    const inside = connect(port, '127.0.0.1')
    outside.pipe(inside).pipe(outside)
    for (const [one, other] of [
      [outside, inside],
      [inside, outside],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address() as AddressInfo
  return {
    ca: cert,
    publicUrl: `https://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      proxy.close()
      await once(proxy, 'close')
    },
  }
}

async function tokenOf(world: TrpcWorld): Promise<string> {
  const { cookie: plain } = await world.signIn('owner')
  // Over https only the name that no other host can set counts.
  const cookie = `${plain}; __Host-${plain}`
  const { token } = (await world.post('tokens.create', { cookie, input: { name: 'program', scopes: ['ops:read'] } }))
    .data as { token: string }
  return token
}

/** Resolves with the second of the first tick. */
function firstTick(client: TurnpikeClient): Promise<string> {
  return new Promise((resolve, reject) => {
    const following = client.ops.live.subscribe(undefined, {
      onData({ id }) {
        following.unsubscribe()
        resolve(id)
      },
      onError: reject,
    })
  })
}

test('a program follows the live feed with its service token under the strict policy, and the token is in no log', async () => {
  await using world = await trpcWorld({ env: { opsWsOriginPolicy: 'strict' } })
  const token = await tokenOf(world)
  const client = createTurnpikeClient({ url: world.origin, token, WebSocket })
  expect(await firstTick(client)).toMatch(/^\d+$/)
  await client.$connection.close()
  const refused = createTurnpikeClient({ url: world.origin, token: `${token.slice(0, -4)}zzzz`, WebSocket })
  const signedOut = new Promise<void>((resolve) => {
    refused.$connection.subscribe((state) => {
      if (state === 'signed_out') resolve()
    })
  })
  const following = refused.ops.live.subscribe(undefined, { onError() {} })
  await signedOut
  following.unsubscribe()
  await refused.$connection.close()
  expect(world.logged.join('')).not.toContain(token.slice(4, 20))
})

test('behind a proxy that ends TLS the public URL is the origin of a page, by cookie and by token, and of nobody else', async () => {
  const place = Promise.withResolvers<string>()
  await using proxy = await openTlsProxy(place.promise)
  await using world = await trpcWorld({ env: { publicUrl: proxy.publicUrl } })
  place.resolve(world.origin)
  const { ca } = proxy
  const { user } = await world.signIn('viewer')
  const { token: session } = await world.services.sessions.begin(user.id, { ip: '127.0.0.1', userAgent: 'test' })
  const page = { origin: proxy.publicUrl, cookie: `__Host-turnpike_session=${session}` }
  const address = `${proxy.publicUrl.replace('https', 'wss')}/trpc`

  const socket = new WebSocket(address, { ca, headers: page })
  const answered = once(socket, 'message')
  await once(socket, 'open')
  socket.send(JSON.stringify({ id: 1, method: 'query', params: { path: 'auth.me' } }))
  expect(JSON.parse(String((await answered)[0]))).toMatchObject({ result: { data: { user: { role: 'viewer' } } } })
  socket.terminate()

  for (const origin of ['https://evil.example', proxy.publicUrl.replace('127.0.0.1', 'localhost')]) {
    const foreign = new WebSocket(address, { ca, headers: { ...page, origin } })
    const [error] = await once(foreign, 'error')
    expect(String(error)).toContain('403')
  }

  const agent = new Agent({ connect: { ca } })
  class Trusting extends WebSocket {
    constructor(url: string) {
      super(url, { ca })
    }
  }
  const client = createTurnpikeClient({
    url: proxy.publicUrl,
    token: await tokenOf(world),
    fetch: (input, init) => trusting(String(input), init),
    WebSocket: Trusting,
  })
  expect((await client.ops.jobs.query()).items).toEqual(expect.any(Array))
  expect(await firstTick(client)).toMatch(/^\d+$/)
  await client.$connection.close()
  await agent.close()

  async function trusting(url: string, { method, headers, body }: RequestInit = {}): Promise<Response> {
    const answer = await undiciFetch(url, {
      ...(method ? { method } : {}),
      headers: { ...Object(headers) },
      ...(body ? { body: String(body) } : {}),
      dispatcher: agent,
    })
    return new Response(await answer.text(), { status: answer.status })
  }
})
