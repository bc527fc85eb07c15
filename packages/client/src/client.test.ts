import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createTurnpikeClient, type TurnpikeClientOptions } from './index.ts'

interface Call {
  url: string
  method: string | undefined
  headers: IncomingMessage['headers']
}

/** A server that answers every procedure with its own name. */
async function server() {
  const calls: Call[] = []
  const http = createServer((request, response) => {
    calls.push({ url: request.url ?? '', method: request.method, headers: request.headers })
    const names = (request.url ?? '').replace(/^.*\/trpc\/|\?.*$/g, '').split(',')
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(names.map((name) => ({ result: { data: name } }))))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  return {
    calls,
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

test('what is asked at the same moment travels in one request', async () => {
  await using running = await server()
  const { calls, origin } = running
  const client = createTurnpikeClient({ url: origin })
  const answers = await Promise.all([
    client.auth.me.query(),
    client.groups.list.query(),
    client.keys.get.query({ id: 1 }),
  ])
  expect(answers).toEqual(['auth.me', 'groups.list', 'keys.get'])
  expect(calls.map(({ url }) => url.replace(/&input=.*/, ''))).toEqual(['/trpc/auth.me,groups.list,keys.get?batch=1'])
})

test.each(['', '/', '/trpc', '/trpc/', '/?x=1#y'])('the address may end in %j', async (ending) => {
  await using running = await server()
  const { calls, origin } = running
  await createTurnpikeClient({ url: `${origin}${ending}` }).auth.me.query()
  expect(calls[0]?.url).toMatch(/^\/trpc\/auth\.me\?batch=1/)
})

test('a program names the server’s own origin, and its token only in the header', async () => {
  await using running = await server()
  const { calls, origin } = running
  const options: TurnpikeClientOptions = { url: origin, token: 'tps_secret' }
  await createTurnpikeClient(options).auth.logout.mutate()
  expect(calls).toMatchObject([
    { method: 'POST', headers: { origin, authorization: 'Bearer tps_secret', 'content-type': 'application/json' } },
  ])
  expect(calls[0]?.url).not.toContain('tps_')
})

test('no socket is opened before somebody subscribes', async () => {
  await using running = await server()
  let opened = 0
  class Counted extends EventTarget {
    constructor() {
      super()
      opened += 1
    }
  }
  const client = createTurnpikeClient({ url: running.origin, WebSocket: Counted })
  await client.auth.me.query()
  expect([opened, client.$connection.state]).toEqual([0, 'idle'])
  await client.$connection.close()
})
