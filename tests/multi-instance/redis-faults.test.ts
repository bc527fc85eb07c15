import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ask } from '../support/load.ts'
import { type RedisServer, redisProgram, startRedisServer } from '../support/redis-server.ts'
import { readiness, type Turnpike } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'
import { keepCalling } from './callers.ts'
import { type CountingUpstream, startCountingUpstream } from './counting-upstream.ts'
import { type Instances, startInstances } from './instances.ts'
import type { Tenant } from './tenant.ts'

/** How long Redis is away. */
const AWAY_MS = Number(process.env.SOAK_REDIS_AWAY_MS ?? 8_000)
const LIMIT_MS = AWAY_MS + 300_000
const INSTANCES = 3
const CONCURRENCY = 10
const SHARE = Math.ceil(CONCURRENCY / INSTANCES) + 1
const CALLERS = 24
const HOLD_MS = 200
/** gateway.md, "Coordination": what a lost Redis had counted is forgotten by then. */
const LEASE_MS = 15_000
/** A command's time-out, and answers to what was admitted before. */
const NOTICED_MS = 1_500
/** All slots are in use at once, although the callers of a busy machine come late. */
const REACHED_MS = 20_000
const BALANCE_NANO = 7_000_000_000n

describe.skipIf(redisProgram === null)('Redis away from under three instances', () => {
  let stack: AsyncDisposableStack
  let redis: RedisServer
  let upstream: CountingUpstream
  let instances: Instances
  let tenant: Tenant

  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    redis = stack.use(await startRedisServer())
    upstream = stack.use(await startCountingUpstream({ holdMs: HOLD_MS }))
    instances = stack.use(await startInstances({ count: INSTANCES, redisUrl: redis.url }))
    tenant = await instances.plant({
      user: { concurrency: CONCURRENCY, balanceNano: BALANCE_NANO },
      accounts: [{ baseUrl: upstream.baseUrl }],
    })
    for (const instance of instances.all) {
      await waitFor('the key to be known', async () => (await ask(instance, 'json', tenant)).status === 200, 10_000)
    }
  })
  afterEach(() => stack.disposeAsync())

  test.each([
    {
      fault: 'stopped',
      begin: () => redis.stop(),
      end: () => redis.start(),
    },
    {
      fault: 'frozen',
      begin: async () => redis.freeze(),
      end: async () => redis.thaw(),
    },
  ])(
    `$fault for ${AWAY_MS} ms: requests go on, each instance keeps to its share, and all to the limit when it is back`,
    async ({ begin, end }) => {
      await using calling = keepCalling({ instances: instances.all, callers: callers() })
      await waitFor('the limit to be reached', () => upstream.peak() === CONCURRENCY, 10_000)
      await begin()
      await expectLossNoticed(instances.all)
      await sleep(NOTICED_MS)
      upstream.forgetPeaks()
      const servedBefore = calling.answers.length
      await sleep(AWAY_MS)
      expect(peaks().filter((peak) => peak > SHARE)).toEqual([])
      expect(calling.answers.length).toBeGreaterThan(servedBefore + (AWAY_MS / 1_000) * INSTANCES)
      for (const instance of instances.all) {
        expect(await readiness(instance)).toMatchObject({ status: 200, body: { missing: ['redis'] } })
      }
      await end()
      await expectWholeAgain(instances.all)
      await sleep(LEASE_MS)
      await expectLimitHolds()
      const answers = await calling.stop()
      expect(answers.filter(({ status }) => status !== 200)).toEqual([])
      expect(await balance()).toBe(BALANCE_NANO)
    },
    LIMIT_MS,
  )

  test(
    'flushed: requests go on, and after one lease period the limit holds as before',
    async () => {
      await using calling = keepCalling({ instances: instances.all, callers: callers() })
      await waitFor('the limit to be reached', () => upstream.peak() === CONCURRENCY, 10_000)
      await redis.look.flushall()
      await sleep(LEASE_MS)
      await expectLimitHolds()
      const answers = await calling.stop()
      expect(answers.filter(({ status }) => status !== 200)).toEqual([])
      expect(await balance()).toBe(BALANCE_NANO)
    },
    LIMIT_MS,
  )

  /** As many as may be are in flight at some time, and never one more. */
  async function expectLimitHolds(): Promise<void> {
    upstream.forgetPeaks()
    await waitFor('the limit to be reached again', () => upstream.peak() >= CONCURRENCY, REACHED_MS)
    await sleep(NOTICED_MS)
    expect(upstream.peak()).toBe(CONCURRENCY)
  }

  function callers() {
    return Array.from({ length: CALLERS }, () => ({ key: tenant.key, label: 'at' }))
  }

  /** Most that each instance had in flight. */
  function peaks(): number[] {
    return instances.all.map((_, at) => upstream.peak(`at-${at}`))
  }

  async function balance(): Promise<bigint> {
    const { sql } = instances.database
    const [user] = await sql<{ nano: string }[]>`select balance_nano as nano from users where id = ${tenant.userId}`
    return BigInt(user?.nano ?? 0)
  }
})

async function expectLossNoticed(instances: Turnpike[]): Promise<void> {
  for (const instance of instances) {
    const isNoticed = async () => (await readiness(instance)).body.missing.includes('redis')
    await waitFor('the loss to be noticed', isNoticed, 10_000)
  }
}

async function expectWholeAgain(instances: Turnpike[]): Promise<void> {
  for (const instance of instances) {
    await waitFor('Redis to be noticed', async () => (await readiness(instance)).body.status === 'ok', 20_000)
  }
}
