import { type ConnectionState, createTurnpikeClient, type TurnpikeClient } from '@turnpike/client'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type TrpcWorld, trpcWorld } from '../../apps/server/src/testing/trpc-world.ts'

/** A program with a session: its `fetch` adds the cookie, its sockets open by ticket. */
async function program(world: TrpcWorld, onSocket: (socket: WebSocket) => void = () => {}) {
  const { user, cookie } = await world.signIn('viewer')
  class Tapped extends WebSocket {
    constructor(url: string) {
      super(url)
      onSocket(this)
    }
  }
  const client = createTurnpikeClient({
    url: world.origin,
    fetch: (input, init) => fetch(input, { ...init, headers: { ...Object(init?.headers), cookie } }),
    WebSocket: Tapped,
  })
  return { user, client }
}

/** Follows the live feed; resolves when `enough` says so. */
function follow(client: TurnpikeClient, input?: { lastEventId: string }) {
  const seconds: number[] = []
  const qps = new Map<number, number>()
  const waiting = new Set<() => void>()
  const subscription = client.ops.live.subscribe(input, {
    onData({ id, data }) {
      seconds.push(Number(id))
      qps.set(Number(id), data.qps)
      for (const look of [...waiting]) look()
    },
  })
  return {
    seconds,
    qps,
    stop: () => subscription.unsubscribe(),
    until: (enough: () => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!enough()) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
  }
}

function isGapless(seconds: number[]): boolean {
  return seconds.every((second, at) => at === 0 || second === (seconds[at - 1] ?? 0) + 1)
}

test('one client, both ways: typed queries over HTTP, the live feed over a socket', async () => {
  await using world = await trpcWorld()
  const { client, user } = await program(world)
  expect((await client.auth.me.query()).user).toEqual(user)
  await expect(client.groups.create.mutate({ name: 'x' })).rejects.toMatchObject({
    data: { reason: 'forbidden', field: null },
  })
  await expect(client.users.list.query({ limit: 501 })).rejects.toMatchObject({
    data: { reason: 'limit_out_of_range', field: 'limit' },
  })
  const live = follow(client)
  await live.until(() => live.seconds.length >= 1)
  world.live.record(makeOutcome())
  await live.until(() => [...live.qps.values()].some((qps) => qps === 1))
  live.stop()
  await client.$connection.close()
})

test('after its line was cut, after a restart notice and after a pause, the feed goes on without gap or double', {
  timeout: 120_000,
}, async () => {
  await using world = await trpcWorld()
  const sockets: WebSocket[] = []
  const states: ConnectionState[] = []
  const { client } = await program(world, (socket) => sockets.push(socket))
  const stopWatching = client.$connection.subscribe((state) => states.push(state))
  const live = follow(client)
  await live.until(() => live.seconds.length >= 2)
  sockets.at(-1)?.terminate()
  await live.until(() => live.seconds.length >= 5)
  expect(sockets).toHaveLength(2)
  expect(isGapless(live.seconds), live.seconds.join()).toBe(true)
  expect(states).toEqual(['idle', 'connecting', 'live', 'reconnecting', 'live'])

  live.stop()
  const resumed = follow(client, { lastEventId: String(live.seconds.at(-1)) })
  await resumed.until(() => resumed.seconds.length >= 2)
  expect(isGapless([...live.seconds, ...resumed.seconds]), [...live.seconds, ...resumed.seconds].join()).toBe(true)
  resumed.stop()
  stopWatching()
  await client.$connection.close()
})

test('a page that asks for the last minutes gets them at once', async () => {
  await using world = await trpcWorld()
  const { client } = await program(world)
  const first = follow(client)
  await first.until(() => first.seconds.length >= 2)
  first.stop()
  const page = follow(client, { lastEventId: String((first.seconds[0] ?? 0) - 600) })
  await page.until(() => page.seconds.length >= 2)
  expect(page.seconds[0]).toBeLessThanOrEqual(first.seconds[0] ?? 0)
  page.stop()
  await client.$connection.close()
})

test('when the session ends the client says so, and keeps trying until somebody signs in', async () => {
  await using world = await trpcWorld()
  const { client, user } = await program(world)
  const live = follow(client)
  await live.until(() => live.seconds.length >= 1)
  const signedOut = new Promise<void>((resolve) => {
    client.$connection.subscribe((state) => {
      if (state === 'signed_out') resolve()
    })
  })
  await world.services.sessions.revokeOthers(user.id, null)
  await signedOut
  live.stop()
  await client.$connection.close()
})
