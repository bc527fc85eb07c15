import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WAITING_ROOM_EXTRA } from '../../apps/server/src/features/gateway/slots/user-slots.ts'
import { redisProgram, startRedisCluster, startRedisServer } from '../support/redis-server.ts'
import { waitFor } from '../support/wait-for.ts'
import { candidate, NO_RATES, openInProcessWorld, openRedisWorld, type SlotsWorld, stays } from './slots-world.ts'

const SOON_MS = 2_000

interface Server extends AsyncDisposable {
  url: string
}

const IMPLEMENTATIONS: { name: string; start: (() => Promise<Server>) | null }[] = [
  { name: 'in process', start: null },
  { name: 'one Redis', start: () => startRedisServer() },
  { name: 'a Redis Cluster of three masters', start: () => startRedisCluster() },
]

/** What both implementations of the port do alike, seen from one instance. */
describe.each(IMPLEMENTATIONS)('slots: $name', ({ start }) => {
  const isMissing = start !== null && redisProgram === null
  let server: Server | undefined

  beforeAll(async () => {
    if (start !== null && !isMissing) server = await start()
  }, 180_000)
  afterAll(() => server?.[Symbol.asyncDispose]())

  const open = (): Promise<SlotsWorld> =>
    server === undefined ? openInProcessWorld() : openRedisWorld(server.url, randomUUID())

  test.skipIf(isMissing)('waiters are served in the order they came', async () => {
    await using world = await open()
    const { ask, slots } = world
    const first = await ask()
    const order: number[] = []
    const waiting: Promise<boolean>[] = []
    for (const n of [1, 2, 3, 4, 5]) {
      waiting.push(
        ask().then((lease) => {
          order.push(n)
          lease.release()
          return lease.hasQueued
        }),
      )
      await waitFor(`waiter ${n}`, () => slots.waiters() === n, SOON_MS)
    }
    first.release()
    expect(first.hasQueued).toBe(false)
    expect(await Promise.all(waiting)).toEqual([true, true, true, true, true])
    expect(order).toEqual([1, 2, 3, 4, 5])
    expect(slots.book.size).toBe(0)
  })

  test.skipIf(isMissing)(
    'who only looks is told what asking would meet, and takes, counts and queues for nothing',
    async () => {
      await using world = await open()
      const { ask, look, slots } = world
      const rated = { userConcurrency: 2, keyConcurrency: 1, keyRates: { requestsPerMinute: 2, tokensPerMinute: null } }
      for (let n = 0; n < 3; n++) {
        expect(await look(rated)).toMatchObject({
          rates: { requests: { limit: 2, remaining: 2 }, tokens: null },
          user: { inFlight: 0, waiting: 0 },
          keyInFlight: 0,
          refusal: null,
          waitsFor: null,
        })
      }
      const held = await ask(rated)
      expect(await look(rated)).toMatchObject({
        rates: { requests: { remaining: 1 } },
        user: { inFlight: 1 },
        keyInFlight: 1,
        refusal: null,
        waitsFor: 'key_concurrency_limit',
      })
      expect(await look({ ...rated, onBusy: 'fail' })).toMatchObject({ refusal: { code: 'key_concurrency_limit' } })
      const other = await ask({ ...rated, keyId: 2 })
      expect(await look({ ...rated, keyId: 3 })).toMatchObject({ waitsFor: 'user_concurrency_limit' })
      expect(slots.waiters()).toBe(0)
      other.release()
      held.release()
      const again = await ask(rated)
      expect(await look(rated)).toMatchObject({ refusal: { code: 'requests_per_minute' }, waitsFor: null })
      await expect(ask(rated)).rejects.toMatchObject({ code: 'requests_per_minute' })
      again.release()
      expect(slots.book.size).toBe(0)
    },
  )

  test.skipIf(isMissing)('who only looks at a group’s rates is told of them, and not counted', async () => {
    await using world = await open()
    const { ask, look } = world
    const rated = {
      userConcurrency: 0,
      groupRates: { requestsPerMinute: null, tokensPerMinute: 100 },
      estimatedTokens: 60,
    }
    expect(await look(rated)).toMatchObject({ rates: { tokens: { limit: 100, remaining: 100 } }, refusal: null })
    const held = await ask(rated)
    expect(await look(rated)).toMatchObject({
      rates: { tokens: { limit: 100, remaining: 40 } },
      refusal: { code: 'tokens_per_minute' },
    })
    held.release()
  })

  test.skipIf(isMissing)('a full waiting room is seen without standing in it', async () => {
    await using world = await open()
    const { ask, look, slots } = world
    const client = new AbortController()
    const held = await ask()
    const waiting = Array.from({ length: 1 + WAITING_ROOM_EXTRA }, () =>
      ask({ client: client.signal }).catch(() => null),
    )
    await waitFor('all to wait', () => slots.waiters() === 1 + WAITING_ROOM_EXTRA, SOON_MS)
    expect(await look()).toMatchObject({
      user: { inFlight: 1, waiting: 1 + WAITING_ROOM_EXTRA },
      refusal: { code: 'queue_full' },
    })
    client.abort()
    await Promise.all(waiting)
    held.release()
  })

  test.skipIf(isMissing)('loads of accounts are looked at as they are', async () => {
    await using world = await open()
    const { slots } = world
    const account = candidate({ concurrency: 2 })
    const lease = await slots.takeAccount(account, randomUUID())
    const [seen] = await slots.withLoads([account])
    expect(seen?.live).toMatchObject({ inFlight: 1, waiting: 0 })
    lease?.release()
    await waitFor(
      'the slot to be free',
      async () => (await slots.withLoads([account]))[0]?.live.inFlight === 0,
      SOON_MS,
    )
  })

  test.skipIf(isMissing)('a waiter blocked only by its key does not hold back the other keys of its user', async () => {
    await using world = await open()
    const { ask, slots } = world
    const a = await ask({ userConcurrency: 2, keyId: 1, keyConcurrency: 1 })
    const b = await ask({ userConcurrency: 2, keyId: 2 })
    let isServed = false
    const blocked = ask({ userConcurrency: 2, keyId: 1, keyConcurrency: 1 }).then((lease) => {
      isServed = true
      return lease
    })
    await waitFor('the first waiter', () => slots.waiters() === 1, SOON_MS)
    const other = ask({ userConcurrency: 2, keyId: 2 })
    await waitFor('the second waiter', () => slots.waiters() === 2, SOON_MS)
    b.release()
    const lease = await other
    expect(isServed).toBe(false)
    a.release()
    ;(await blocked).release()
    lease.release()
  })

  test.skipIf(isMissing)('the waiting room holds concurrency + 20 waiters and refuses one more', async () => {
    await using world = await open()
    const { ask, slots } = world
    const held = await ask()
    const waiting = Array.from({ length: 1 + WAITING_ROOM_EXTRA }, () => ask())
    await waitFor('a full room', () => slots.waiters() === 1 + WAITING_ROOM_EXTRA, SOON_MS)
    await expect(ask()).rejects.toMatchObject({ code: 'queue_full' })
    held.release()
    for (const lease of waiting) (await lease).release()
    expect(slots.book.size).toBe(0)
    expect(slots.waiters()).toBe(0)
  })

  test.skipIf(isMissing)('who may not wait is told which limit is in his way', async () => {
    await using world = await open()
    const { ask } = world
    await ask({ userConcurrency: 5, keyConcurrency: 1 })
    await expect(ask({ userConcurrency: 5, keyConcurrency: 1, onBusy: 'fail' })).rejects.toMatchObject({
      code: 'key_concurrency_limit',
    })
    await expect(ask({ userConcurrency: 1, keyId: 2, onBusy: 'fail' })).rejects.toMatchObject({
      code: 'user_concurrency_limit',
    })
    for (let n = 0; n < 50; n++) await ask({ userId: 3, userConcurrency: 0, keyId: 7 })
  })

  test.skipIf(isMissing)('a caller who leaves the queue frees his place and takes no slot', async () => {
    await using world = await open()
    const { ask, slots } = world
    const held = await ask()
    const client = new AbortController()
    const waiting = ask({ client: client.signal })
    await waitFor('the waiter', () => slots.waiters() === 1, SOON_MS)
    client.abort()
    await expect(waiting).rejects.toThrow('left')
    expect(slots.waiters()).toBe(0)
    held.release()
    await waitFor('the slot', () => ask({ onBusy: 'fail' }).catch(() => null), SOON_MS)
  })

  test.skipIf(isMissing)('a lease released twice gives one slot back', async () => {
    await using world = await open()
    const { ask } = world
    const lease = await ask()
    lease.release()
    lease.release()
    await ask()
    await expect(ask({ onBusy: 'fail' })).rejects.toMatchObject({ code: 'user_concurrency_limit' })
  })

  test.skipIf(isMissing)('an account is taken up to its limit, and its waiters are served in order', async () => {
    await using world = await open()
    const { slots } = world
    const account = candidate()
    const held = await slots.takeAccount(account, 'a')
    expect(held).not.toBeNull()
    expect(await slots.takeAccount(account, 'b')).toBeNull()
    const order: string[] = []
    const waiting = ['c', 'd'].map((requestId) =>
      slots.waitForAccount(account, { requestId, waitMs: 5_000, client: stays }).then((lease) => {
        order.push(requestId)
        lease?.release()
        return lease
      }),
    )
    await waitFor('both to wait', () => slots.waiters() === 2, SOON_MS)
    expect(account.live).toMatchObject({ inFlight: 1, waiting: 2 })
    held?.release()
    expect((await Promise.all(waiting)).every((lease) => lease !== null)).toBe(true)
    expect(order).toEqual(['c', 'd'])
    await waitFor('an idle account', () => account.live.inFlight + account.live.waiting === 0, SOON_MS)
    expect(await slots.waitForAccount(account, { requestId: 'e', waitMs: 20, client: stays })).not.toBeNull()
    expect(await slots.waitForAccount(account, { requestId: 'f', waitMs: 20, client: stays })).toBeNull()
  })

  test.skipIf(isMissing)('a queue holds 100 waiters; one more is sent on', async () => {
    await using world = await open()
    const { slots } = world
    const account = candidate()
    const held = await slots.takeAccount(account, 'a')
    const client = new AbortController()
    const waiting = Array.from({ length: 100 }, (_, n) =>
      slots.waitForAccount(account, { requestId: `w${n}`, waitMs: 60_000, client: client.signal }).catch(() => 'left'),
    )
    await waitFor('a full queue', () => slots.waiters() === 100, SOON_MS)
    expect(await slots.waitForAccount(account, { requestId: 'x', waitMs: 60_000, client: stays })).toBeNull()
    client.abort()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['left']))
    held?.release()
    await waitFor('an idle account', () => account.live.inFlight + account.live.waiting === 0, SOON_MS)
  })

  test.skipIf(isMissing)(
    'requests and tokens a minute: the limit passes, one more is told when, and is not counted',
    async () => {
      await using world = await open()
      const { ask, slots } = world
      const rated = {
        userConcurrency: 0,
        keyRates: { requestsPerMinute: 3, tokensPerMinute: 100 },
        estimatedTokens: 30,
      }
      const admitted = [await ask(rated), await ask(rated), await ask(rated)]
      expect(admitted[2]?.rates?.requests).toMatchObject({ limit: 3, remaining: 0 })
      expect(admitted[2]?.rates?.tokens).toMatchObject({ limit: 100, remaining: 10 })
      const refused = await ask(rated).catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'requests_per_minute', rates: { requests: { limit: 3, remaining: 0 } } })
      expect(Object(refused).retryAfterMs).toBeGreaterThan(50_000)
      expect(Object(refused).retryAfterMs).toBeLessThanOrEqual(60_000)
      admitted[0]?.withdraw()
      await waitFor('the place of the one withdrawn', () => ask(rated).catch(() => null), SOON_MS)
      expect(
        slots.ratesLeft({ keyId: 1, keyRates: rated.keyRates, groupId: 1, groupRates: NO_RATES })?.requests,
      ).toMatchObject({ limit: 3, remaining: 0 })
    },
  )

  test.skipIf(isMissing)('tokens are corrected when they are known, and a group counts all its keys', async () => {
    await using world = await open()
    const { ask } = world
    const rated = {
      userConcurrency: 0,
      groupRates: { requestsPerMinute: null, tokensPerMinute: 100 },
      estimatedTokens: 60,
    }
    const first = await ask({ ...rated, userId: 1, keyId: 1 })
    await expect(ask({ ...rated, userId: 2, keyId: 2 })).rejects.toMatchObject({ code: 'tokens_per_minute' })
    first.settleTokens(10)
    const second = await waitFor(
      'room for the other key',
      () => ask({ ...rated, userId: 2, keyId: 2 }).catch(() => null),
      SOON_MS,
    )
    second.settleTokens(95)
    await waitFor(
      'the excess to count',
      async () => {
        const found = await ask({ ...rated, estimatedTokens: 1, userId: 3, keyId: 3 }).catch((error: unknown) => error)
        return Object(found).code === 'tokens_per_minute' || null
      },
      SOON_MS,
    )
    // Whom his group refuses holds no slot of his own.
    await ask({ userId: 2, keyId: 2, userConcurrency: 2 })
  })
})
