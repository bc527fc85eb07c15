import { setTimeout as sleep } from 'node:timers/promises'
import { users } from '@turnpike/db/schema'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import { type Answer, ask } from '../support/load.ts'
import { redisProgram, startRedisCluster, startRedisServer } from '../support/redis-server.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Caller, callTogether } from './callers.ts'
import { type CountingUpstream, startCountingUpstream } from './counting-upstream.ts'
import { type Instances, startInstances } from './instances.ts'

const INSTANCES = 3
const HOLD_MS = 500
const REQUESTS_EACH = 3
const SOON_MS = 1_000
const LOOK_EVERY_MS = 10

const KINDS = [
  { kind: 'one Redis', open: () => startRedisServer() },
  { kind: 'a Redis Cluster of three masters', open: () => startRedisCluster() },
]

describe.skipIf(redisProgram === null).each(KINDS)('three instances on $kind', ({ open }) => {
  const stack = new AsyncDisposableStack()
  let instances: Instances

  beforeAll(async () => {
    const redis = stack.use(await open())
    instances = stack.use(await startInstances({ count: INSTANCES, redisUrl: redis.url }))
  }, 300_000)
  afterAll(() => stack.disposeAsync())

  async function expectAllServed(callers: Caller[]): Promise<void> {
    const answers = await callTogether({ instances: instances.all, callers }, REQUESTS_EACH)
    expect(answers.filter(({ status }) => status !== 200).map(({ status, code }) => ({ status, code }))).toEqual([])
  }

  test('500 callers at once: each of ten users has his 20 requests in flight, never one more', async () => {
    await using upstream = await startCountingUpstream({ holdMs: HOLD_MS, untilPeak: 20 })
    const labels = Array.from({ length: 10 }, (_, n) => `user${n}`)
    const tenants = await Promise.all(
      labels.map(() => instances.plant({ user: { concurrency: 20 }, accounts: [{ baseUrl: upstream.baseUrl }] })),
    )
    await known(tenants.map(({ key }) => key))
    await expectAllServed(tenants.flatMap(({ key }, n) => Array(50).fill({ key, label: `user${n}` })))
    expect(labels.map((label) => upstream.peak(label))).toEqual(labels.map(() => 20))
  }, 300_000)

  test('500 callers at once: each of 25 keys has its 5 requests in flight, never one more', async () => {
    await using upstream = await startCountingUpstream({ holdMs: HOLD_MS, untilPeak: 5 })
    const labels = Array.from({ length: 25 }, (_, n) => `key${n}`)
    // 5 run and 15 wait: fewer than the 21 for whom the room of an unlimited user has a place.
    const tenants = await Promise.all(
      labels.map(() => instances.plant({ key: { concurrency: 5 }, accounts: [{ baseUrl: upstream.baseUrl }] })),
    )
    await known(tenants.map(({ key }) => key))
    await expectAllServed(tenants.flatMap(({ key }, n) => Array(20).fill({ key, label: `key${n}` })))
    expect(labels.map((label) => upstream.peak(label))).toEqual(labels.map(() => 5))
  }, 300_000)

  test('500 callers at once: each of three accounts has its 80 requests in flight, never one more', async () => {
    await using first = await startCountingUpstream({ holdMs: HOLD_MS, untilPeak: 80 })
    await using second = await startCountingUpstream({ holdMs: HOLD_MS, untilPeak: 80 })
    await using third = await startCountingUpstream({ holdMs: HOLD_MS, untilPeak: 80 })
    const upstreams = [first, second, third]
    const { key } = await instances.plant({ accounts: upstreams.map(({ baseUrl }) => ({ baseUrl, concurrency: 80 })) })
    await known([key])
    await expectAllServed(Array(500).fill({ key, label: 'any' }))
    expect(upstreams.map((upstream) => upstream.peak())).toEqual([80, 80, 80])
  }, 300_000)

  test('who waits is served in the order he came, whichever instance he came to', async () => {
    await using upstream = await startCountingUpstream({ holdMs: null })
    const { key, keyId } = await instances.plant({
      user: { concurrency: 1 },
      accounts: [{ baseUrl: upstream.baseUrl }],
    })
    const labels = Array.from({ length: 12 }, (_, n) => `caller${n}`)
    await known([key], upstream)
    const [one] = instances.all
    if (one === undefined) throw new Error('there are three')
    const admin = await signIn(one)
    const queued = async () => {
      const { steps } = await admin.ops.explainRoute.query({ keyId, model: 'sandbox-small' })
      return steps?.limits.user.waiting
    }
    const answers: Promise<unknown>[] = []
    for (const [n, label] of labels.entries()) {
      const instance = instances.all[n % INSTANCES]
      if (instance) answers.push(ask(instance, 'json', { key, sandbox: `label=${label}` }))
      await waitFor(`${label} to be there`, async () => upstream.inFlight() === 1 && (await queued()) === n, 10_000)
    }
    await admin.$connection.close()
    for (const label of labels) {
      await waitFor(`${label} to be served`, () => upstream.inFlight(label) === 1, 5_000)
      expect(upstream.inFlight()).toBe(1)
      upstream.release()
    }
    await Promise.all(answers)
    expect(upstream.order).toEqual(labels)
  })

  test('another limit of the user holds everywhere within a second', async () => {
    await using upstream = await startCountingUpstream({ holdMs: null })
    const { key, userId } = await instances.plant({
      user: { concurrency: 2 },
      accounts: [{ baseUrl: upstream.baseUrl }],
    })
    await known([key], upstream)
    const { db } = instances.database
    const askAll = (count: number) =>
      Array.from({ length: count }, (_, n) => instances.all[n % INSTANCES]).flatMap((instance) =>
        instance ? [ask(instance, 'json', { key })] : [],
      )
    /** Six more callers are as many at once as the limit says, and never more, whichever instances they come to. */
    const expectEverywhere = (limit: number) =>
      waitFor(
        `a limit of ${limit} to hold everywhere`,
        async () => {
          upstream.forgetPeaks()
          const asked = askAll(6)
          const until = performance.now() + SOON_MS
          while (upstream.inFlight() < limit && performance.now() < until) await sleep(LOOK_EVERY_MS)
          await served(asked, upstream)
          return upstream.peak() === limit
        },
        SOON_MS,
      )
    const early = askAll(2)
    await waitFor('the limit to be reached', () => upstream.inFlight() === 2, 5_000)
    await db.update(users).set({ concurrency: 6 }).where(eq(users.id, userId))
    await expectEverywhere(6)
    await served(early, upstream)
    await db.update(users).set({ concurrency: 1 }).where(eq(users.id, userId))
    await expectEverywhere(1)
  })

  /** Answers whatever reaches the upstream until all have their answers. */
  async function served(asked: Promise<Answer>[], upstream?: CountingUpstream): Promise<Answer[]> {
    const all = Promise.all(asked)
    for (;;) {
      const answers = await Promise.race([all, sleep(LOOK_EVERY_MS, null)])
      if (answers !== null) return answers
      upstream?.release()
    }
  }

  /** What was planted a moment ago has been read by every instance. */
  async function known(keys: string[], upstream?: CountingUpstream): Promise<void> {
    const pairs = keys.flatMap((key) => instances.all.map((instance) => ({ key, instance })))
    await Promise.all(
      pairs.map(async ({ key, instance }) => {
        const isKnown = async () => (await served([ask(instance, 'json', { key })], upstream))[0]?.status === 200
        await waitFor('the key to be known', isKnown, 10_000)
      }),
    )
    if (upstream) upstream.order.length = 0
  }
})
