import { once } from 'node:events'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import { emptySecond } from './features/ops/live/live-tick.ts'
import { type TrpcWorld, trpcWorld } from './testing/trpc-world.ts'

/** What may wait for a socket, and a frame that was begun below it. */
const SLOW_BYTES = 256 * 1024
const FRAME_BYTES = 64 * 1024
const SUBSCRIPTIONS = 4
/** So that a tick is large: the kernel takes megabytes before anything waits in the process. */
const INSTANCES = 300
/** More than any kernel takes. */
const MOST_TICKS = 2_000
const TICKS_AFTERWARDS = 100

test('a subscriber who does not read is skipped: next to nothing waits for him, the others miss nothing', {
  timeout: 180_000,
}, async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const connections = new Set<Socket>()
  world.server.on('connection', (socket) => connections.add(socket))
  const reader = await follow(world, cookie, 1)
  const snail = await follow(world, cookie, SUBSCRIPTIONS)
  let mostWaiting = 0
  const waiting = () => Math.max(...[...connections].map(({ writableLength }) => writableLength))
  async function tick(): Promise<void> {
    const second = oneSecond(world)
    // The second before, as the clock may have gone on by itself meanwhile.
    while (!reader.seen.some((seen) => seen >= second - 1)) await turn()
    mostWaiting = Math.max(mostWaiting, waiting())
  }

  await tick()
  snail.socket.pause()
  for (let ticks = 0; ticks < MOST_TICKS && waiting() <= SLOW_BYTES; ticks++) await tick()
  expect(waiting()).toBeGreaterThan(SLOW_BYTES)
  for (let ticks = 0; ticks < TICKS_AFTERWARDS; ticks++) await tick()
  expect(mostWaiting).toBeLessThan(SLOW_BYTES + SUBSCRIPTIONS * FRAME_BYTES)

  snail.socket.resume()
  while (waiting() > 0) await turn()
  const after = reader.seen.at(-1) ?? 0
  while (!snail.seen.some((seen) => seen > after)) await tick()
  expect(gapsOf(reader.seen)).toEqual([])
  const [skipped = 0, ...more] = gapsOf(snail.seen)
  expect(skipped).toBeGreaterThanOrEqual(TICKS_AFTERWARDS - 2)
  expect(more).toEqual([])
})

/** Ends a second in which many instances served; returns it. */
function oneSecond({ clock, live }: TrpcWorld): number {
  clock.advance(1_000)
  const second = Math.floor(clock.now() / 1_000) - 1
  for (let at = 0; at < INSTANCES; at++) live.hear(emptySecond(`instance-${at}`, second))
  live.tick()
  return second
}

/** A socket that follows the live feed so many times; `seen` = the seconds that have come. */
async function follow(world: TrpcWorld, cookie: string, subscriptions: number) {
  const socket: WebSocket = world.socket('/trpc', { origin: world.origin, cookie })
  await once(socket, 'open')
  const seen: number[] = []
  let started = 0
  socket.on('message', (data) => {
    const { result } = JSON.parse(String(data)) as { result?: { type: string; id?: string } }
    if (result?.type === 'started') started += 1
    if (result?.type === 'data') seen.push(Number(result.id))
  })
  for (let id = 1; id <= subscriptions; id++) {
    socket.send(JSON.stringify({ id, method: 'subscription', params: { path: 'ops.live' } }))
  }
  while (started < subscriptions) await turn()
  return { socket, seen }
}

/** How many seconds are missing between those that came, where some are. */
function gapsOf(seconds: readonly number[]): number[] {
  const told = [...new Set(seconds)].toSorted((a, b) => a - b)
  return told.flatMap((second, at) => {
    const missing = second - (told[at - 1] ?? second - 1) - 1
    return missing > 0 ? [missing] : []
  })
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
