import { randomUUID } from 'node:crypto'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RedisServer, redisProgram, startRedisServer } from '../support/redis-server.ts'
import { waitFor } from '../support/wait-for.ts'
import { candidate, openRedisWorld } from './slots-world.ts'

const SOON_MS = 3_000
/** Some round trips. */
const SETTLED_MS = 500
/** Who stands still for some seconds, as a busy machine does, is not dead. */
const TIMING = { beatEveryMs: 100 }
const SHORT_LIVED = { liveMs: 1_500, beatEveryMs: 60_000 }

/** What only several instances on one Redis can show. */
describe.skipIf(redisProgram === null)('slots shared through Redis', () => {
  let redis: RedisServer

  beforeAll(async () => {
    redis = await startRedisServer()
  })
  afterAll(() => redis?.[Symbol.asyncDispose]())

  async function openThree() {
    const stack = new AsyncDisposableStack()
    const namespace = randomUUID()
    const worlds: Awaited<ReturnType<typeof openRedisWorld>>[] = []
    for (let n = 0; n < 3; n++) worlds.push(stack.use(await openRedisWorld(redis.url, namespace, TIMING)))
    await waitFor('all to know each other', () => worlds.every(({ slots }) => slots.instances() === 3), SOON_MS)
    return { worlds, namespace, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  }

  test('500 requests over three instances: never more than the limit at once, and all are served', async () => {
    await using three = await openThree()
    let running = 0
    let most = 0
    const callers = Array.from({ length: 500 }, async (_, n) => {
      const world = three.worlds[n % 3]
      for (;;) {
        const lease = await world?.ask({ userConcurrency: 7 }).catch(() => null)
        if (!lease) {
          await sleep(20)
          continue
        }
        most = Math.max(most, ++running)
        await sleep(2)
        running--
        lease.release()
        return
      }
    })
    await Promise.all(callers)
    expect(most).toBe(7)
    expect(three.worlds.map(({ slots }) => slots.book.size)).toEqual([0, 0, 0])
  })

  test('who came first is served first, whichever instance he came to', async () => {
    await using three = await openThree()
    const [first, ...others] = three.worlds
    const held = await first?.ask()
    const order: number[] = []
    const waiting: Promise<void>[] = []
    for (let n = 0; n < 9; n++) {
      const world = three.worlds[n % 3]
      const before = three.worlds.reduce((sum, { slots }) => sum + slots.waiters(), 0)
      waiting.push(
        Promise.resolve(world?.ask()).then((lease) => {
          order.push(n)
          lease?.release()
        }),
      )
      await waitFor(
        'the waiter',
        () => three.worlds.reduce((sum, { slots }) => sum + slots.waiters(), 0) > before,
        SOON_MS,
      )
      // He is in the queue when the answer to his claim is there.
      await sleep(10)
    }
    held?.release()
    await Promise.all(waiting)
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(others).toHaveLength(2)
  })

  test('what an instance held that died is free when it counts as dead, and who waits gets it', async () => {
    await using two = await openThree()
    const namespace = two.namespace
    const doomed = await openRedisWorld(redis.url, namespace, SHORT_LIVED)
    await doomed.ask()
    const waiting = two.worlds[0]?.ask()
    const startedAt = performance.now()
    ;(await waiting)?.release()
    expect(performance.now() - startedAt).toBeLessThan(SHORT_LIVED.liveMs + 8_000)
    await doomed[Symbol.asyncDispose]()
  })

  test('a wake-up that was lost is found out', async () => {
    await using three = await openThree()
    const [one, other] = three.worlds
    const held = await one?.ask()
    const waiting = other?.ask()
    await waitFor('the waiter', () => other?.slots.waiters() === 1, SOON_MS)
    await redis.look.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    held?.release()
    ;(await waiting)?.release()
  })

  test('accounts are seen as loaded as they are by all instances together', async () => {
    await using three = await openThree()
    const seen = three.worlds.map(() => candidate({ concurrency: 10 }))
    for (const [n, { slots }] of three.worlds.entries()) {
      for (let held = 0; held <= n; held++) await slots.takeAccount(seen[n] ?? candidate(), `${n}.${held}`)
    }
    await waitFor('all to see six', () => seen.every(({ live }) => live.inFlight === 6), SOON_MS)
  })

  test('forgotten by a flush, what is held is counted again', async () => {
    await using three = await openThree()
    const [one, other] = three.worlds
    const held = await one?.ask({ userConcurrency: 2 })
    await redis.look.flushall()
    await waitFor('the loss to be seen', () => three.worlds.some(({ slots }) => slots.isDegraded()), SOON_MS)
    await waitFor('all to share again', () => three.worlds.every(({ slots }) => !slots.isDegraded()), SOON_MS)
    await waitFor('what is held to be known', async () => (await redis.look.keys('*:held')).length > 0, SOON_MS)
    await other?.ask({ userConcurrency: 2 })
    await expect(other?.ask({ userConcurrency: 2, onBusy: 'fail' })).rejects.toMatchObject({
      code: 'user_concurrency_limit',
    })
    held?.release()
    await waitFor('the slot', () => other?.ask({ userConcurrency: 2, onBusy: 'fail' }).catch(() => null), SOON_MS)
  })

  test('what is released while Redis is told of it again is held by nobody', async () => {
    const namespace = randomUUID()
    await using world = await openRedisWorld(redis.url, namespace, TIMING)
    const heldKeys = () => redis.look.keys(`*${namespace}*:held`)
    const held = await world.ask()
    // Then the registration takes two round trips: a release that does not wait for it overtakes it.
    await redis.look.script('FLUSH')
    const other = await world.ask({ userId: 77 })
    other.release()
    await redis.look.flushall()
    await waitFor('the loss to be seen', () => world.slots.isDegraded(), SOON_MS)
    while (world.slots.isDegraded()) await turn()
    held.release()
    await sleep(SETTLED_MS)
    await expect.poll(heldKeys).toEqual([])
  })

  test.each([
    ['frozen', () => redis.freeze(), () => redis.thaw()],
    ['gone', () => redis.stop(), () => redis.start()],
  ] as const)(
    'with Redis %s each keeps to its share, what it holds included; who waits is served; back, all share again',
    async (_, take, give) => {
      await using three = await openThree()
      const [one, other] = three.worlds
      const limits = { userConcurrency: 6 }
      const held = [await one?.ask(limits), await one?.ask(limits)]
      await take()
      await waitFor('the loss to be seen', () => three.worlds.every(({ slots }) => slots.isDegraded()), SOON_MS)
      // A third of six is two, and both are held already.
      await expect(one?.ask({ ...limits, onBusy: 'fail' })).rejects.toMatchObject({ code: 'user_concurrency_limit' })
      const waiting = one?.ask(limits)
      const others = [await other?.ask(limits), await other?.ask(limits)]
      await expect(other?.ask({ ...limits, onBusy: 'fail' })).rejects.toMatchObject({ code: 'user_concurrency_limit' })
      held[0]?.release()
      const served = await waiting
      const carried = one?.ask({ userConcurrency: 6 })
      await give()
      await waitFor('all to share again', () => three.worlds.every(({ slots }) => !slots.isDegraded()), 10_000)
      const last = await carried
      // held[1], served, others, last: five of six.
      const sixth = await waitFor(
        'the sixth',
        () => three.worlds[2]?.ask({ ...limits, onBusy: 'fail' }).catch(() => null),
        SOON_MS,
      )
      await expect(other?.ask({ ...limits, onBusy: 'fail' })).rejects.toMatchObject({ code: 'user_concurrency_limit' })
      for (const lease of [held[1], served, ...others, last, sixth]) lease?.release()
      await waitFor(
        'six free slots',
        async () => {
          const all = await Promise.all(
            Array.from({ length: 6 }, () => one?.ask({ ...limits, onBusy: 'fail' }).catch(() => null)),
          )
          for (const lease of all) lease?.release()
          return all.every(Boolean) || null
        },
        SOON_MS,
      )
    },
  )
})
