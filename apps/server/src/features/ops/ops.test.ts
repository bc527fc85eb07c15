import type { Outcome } from '@turnpike/core/gateway/outcome'
import type { OpsWindow } from '@turnpike/core/inputs/ops'
import { DEFAULT_SETTINGS } from '@turnpike/core/inputs/settings'
import { nearestRank } from '@turnpike/core/ops/nearest-rank'
import { SINGLE_DIMENSIONS } from '@turnpike/core/ops/words'
import { fillSingles, insertOutcomes, rollUp } from '@turnpike/db'
import { type FreshDatabase, freshDatabase } from '@turnpike/db/testing'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeLog } from '../../shared/journal/__fixtures__/journal-world.ts'
import { createCollector } from './metrics/collector.ts'
import { createOps } from './ops.ts'

const DAY_MS = 86_400_000
/** Some hours into a day, so that days, hours, minutes and ten seconds are all read. */
const NOW = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS + 7 * 3_600_000 + 43 * 60_000 + 27_000
const ACCURACY = 0.01

let database: FreshDatabase
let outcomes: Outcome[]
let ops: ReturnType<typeof createOps>

/** A generator that knows what it sent, over three instances and the last two days and a half. */
beforeAll(async () => {
  database = await freshDatabase()
  const { sql } = database
  await sql`insert into users (email) values ('one@turnpike.test'), ('two@turnpike.test'), ('three@turnpike.test')`
  await sql`insert into groups (name) values ('g1'), ('g2')`
  for (const name of ['a1', 'a2', 'a3']) {
    await sql`insert into accounts (name, provider, base_url, protocol, secret_sealed, secret_last4)
      values (${name}, ${name === 'a3' ? 'sandbox' : 'openai'}, 'http://127.0.0.1', 'chat', 's', '1234')`
  }
  let seed = 42
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed / 2_147_483_648
  }
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  outcomes = Array.from({ length: 2_000 }, () => anOutcome(random, pick))
  const boots = [1, 2, 3].map((at) => `00000000-0000-7000-8000-00000000000${at}`)
  for (const [at, bootId] of boots.entries()) {
    const own = outcomes.filter((_, index) => index % boots.length === at)
    const clock = { nowMs: 0 }
    const collector = createCollector({
      sql,
      clock: { now: () => clock.nowMs },
      life: { instanceId: `i${at}`, bootId },
      version: '1',
      providerOf: (accountId) => (accountId === 3 ? 'sandbox' : 'openai'),
      sample: () => Promise.reject(new Error('not asked for')),
      log: makeLog(),
    })
    for (const outcome of own.toSorted((a, b) => a.endedAtMs - b.endedAtMs)) {
      clock.nowMs = outcome.endedAtMs
      collector.record(outcome)
    }
    clock.nowMs = NOW
    await collector.flush()
    await insertOutcomes(
      sql,
      own.map((outcome) => JSON.stringify(outcome)),
      { bootId },
    )
  }
  ops = createOps({
    database,
    clock: { now: () => NOW + 3_000 },
    settings: async () => DEFAULT_SETTINGS,
    databaseDir: null,
  })
}, 180_000)
afterAll(() => database[Symbol.asyncDispose]())

function anOutcome(random: () => number, pick: <T>(values: readonly T[]) => T): Outcome {
  // Half of them in the last hour, some in the newest seconds.
  const agoMs = random() < 0.5 ? random() * 3_600_000 : random() * 2.5 * DAY_MS
  const endedAtMs = Math.floor(NOW - 5_000 - agoMs)
  const totalMs = Math.round(Math.exp(1 + random() * 9) * 1000) / 1000
  const accountId = pick([1, 2, 3])
  const base = makeOutcome({ createdAtMs: Math.round(endedAtMs - totalMs), endedAtMs })
  const [attempt] = base.attempts
  if (attempt === undefined) throw new Error('there is one')
  const kind = random()
  const failed = { ...attempt, accountId: 1, status: 429, reason: 'upstream_rate_limit' }
  return {
    ...base,
    userId: pick([1, 2, 3]),
    keyId: pick([1, 2]),
    groupId: pick([1, 2]),
    accountId,
    model: pick(['m1', 'm2', 'm3']),
    endpoint: pick(['/v1/responses', '/v1/chat/completions']),
    costNano: Math.floor(random() * 1e9),
    billedNano: Math.floor(random() * 1e9),
    usage: { ...base.usage, inputTokens: Math.floor(random() * 1000), outputTokens: Math.floor(random() * 1000) },
    times: { ...base.times, totalMs, ttftMs: totalMs / 2, gatewayMs: random() * 20 },
    attempts: random() < 0.2 ? [failed, { ...attempt, accountId }] : [{ ...attempt, accountId }],
    ...(kind < 0.1
      ? { outcome: 'exhausted' as const, status: 504, errorCode: 'upstream_timeout' }
      : kind < 0.15
        ? { outcome: 'exhausted' as const, status: 502, errorCode: 'upstream_failed' }
        : kind < 0.2
          ? { outcome: 'client_closed' as const, status: 499, errorCode: null }
          : kind < 0.25
            ? { outcome: 'rejected_upstream' as const, status: 400, errorCode: 'context_length_exceeded' }
            : {}),
  }
}

function sum(of: (outcome: Outcome) => number, among: readonly Outcome[]): number {
  return among.reduce((total, outcome) => total + of(outcome), 0)
}

/** What the generator sent in a window, as it knows it. */
function sent(window: { fromMs: number; toMs: number }, filters: Partial<OpsWindow> = {}): Outcome[] {
  return outcomes.filter((outcome) => {
    const isThen = outcome.endedAtMs >= window.fromMs && outcome.endedAtMs < window.toMs
    const { provider, accountId, groupId, model, endpoint, userId, keyId } = filters
    return (
      isThen &&
      (provider === undefined || (outcome.accountId === 3 ? 'sandbox' : 'openai') === provider) &&
      (accountId === undefined || outcome.accountId === accountId) &&
      (groupId === undefined || outcome.groupId === groupId) &&
      (model === undefined || outcome.model === model) &&
      (endpoint === undefined || outcome.endpoint === endpoint) &&
      (userId === undefined || outcome.userId === userId) &&
      (keyId === undefined || outcome.keyId === keyId)
    )
  })
}

const RANGES = { '5m': 300_000, '1h': 3_600_000, '24h': DAY_MS, '7d': 7 * DAY_MS } as const
const FILTERS: Partial<OpsWindow>[] = [
  {},
  { model: 'm1' },
  { accountId: 2 },
  { provider: 'sandbox' },
  { groupId: 1, endpoint: '/v1/responses' },
  { userId: 2 },
  { keyId: 1 },
  { userId: 1, model: 'm2' },
]

async function expectTruth(): Promise<void> {
  const toMs = Math.floor((NOW + 2_000) / 10_000) * 10_000
  for (const [range, lengthMs] of Object.entries(RANGES)) {
    for (const filters of FILTERS) {
      const expected = sent({ fromMs: toMs - lengthMs, toMs }, filters)
      const overview = await ops.overview({ range: range as keyof typeof RANGES, ...filters })
      const successes = expected.filter(({ outcome }) => outcome === 'completed').length
      const errors = expected.filter(({ outcome }) => outcome === 'exhausted').length
      const what = `${range} ${JSON.stringify(filters)}`
      expect({ what, ...overview.requests }).toEqual({
        what,
        total: expected.length,
        success: successes,
        errors,
        client: expected.filter(({ outcome }) => outcome === 'rejected_upstream').length,
        business: 0,
        clientClosed: expected.filter(({ outcome }) => outcome === 'client_closed').length,
      })
      expect(overview.costNano).toBe(String(sum(({ costNano }) => costNano ?? 0, expected)))
      expect(overview.billedNano).toBe(String(sum(({ billedNano }) => billedNano, expected)))
      expect(overview.tokens.input).toBe(sum(({ usage }) => usage.inputTokens, expected))
      expect(overview.errors.timeout).toBe(expected.filter(({ status }) => status === 504).length)
      expect(overview.rates.errorRate).toBe(successes + errors === 0 ? null : (100 * errors) / (successes + errors))
      if ('userId' in filters && !('model' in filters)) continue
      if ('keyId' in filters) continue
      const latencies = expected.map(({ times }) => times.totalMs).toSorted((a, b) => a - b)
      for (const [name, share] of [
        ['p50', 0.5],
        ['p95', 0.95],
        ['p99', 0.99],
      ] as const) {
        const exact = nearestRank(latencies, share) ?? 0
        expect(Math.abs((overview.latency[name] ?? 0) - exact)).toBeLessThanOrEqual(exact * ACCURACY)
      }
      expect(overview.latency.max ?? 0).toBeCloseTo(latencies.at(-1) ?? 0, 2)
    }
  }
}

describe('what is told is what was sent', () => {
  test('before any roll-up has run', expectTruth, 180_000)

  test('with half of the roll-ups made', async () => {
    await database.sql`create table held as select * from ops_rollups_due where step = 'minute' and extract(minute from bucket)::int % 2 = 0`
    await database.sql`delete from ops_rollups_due d using held h where d.step = h.step and d.bucket = h.bucket`
    await rollUp(database.sql)
    // Those were never made, so they stay due; what was made of the others stands.
    await database.sql`insert into ops_rollups_due select step, bucket, version from held on conflict do nothing`
    await database.sql`insert into ops_rollups_due select distinct 'hour', date_trunc('hour', bucket, 'UTC'), 1 from held on conflict do nothing`
    await database.sql`insert into ops_rollups_due select distinct 'day', date_trunc('day', bucket, 'UTC'), 1 from held on conflict do nothing`
    await expectTruth()
  }, 180_000)

  test('with all of them made, and made again', async () => {
    while ((await rollUp(database.sql)) > 0);
    await expectTruth()
    await database.sql`insert into ops_rollups_due select distinct 'hour', date_trunc('hour', bucket, 'UTC'), 1 from ops_dimension_stats on conflict do nothing`
    while ((await rollUp(database.sql)) > 0);
    await expectTruth()
  }, 180_000)

  test('a model, an account … is told of as its tuples tell, whether or not it has rows of its own', async () => {
    const { sql } = database
    const told = await toldOfSingles()
    await sql`insert into ops_rollups_due
      select distinct 'hour-singles', bucket from ops_dimension_stats_hourly
      union select distinct 'day-singles', bucket from ops_dimension_stats_daily`
    for (const table of ['ops_dimension_stats_hourly', 'ops_dimension_stats_daily'])
      await sql`delete from ${sql(table)} where dimension = any(${[...SINGLE_DIMENSIONS]})`
    expect(await toldOfSingles()).toEqual(told)
    await sql`create table kept as select * from ops_rollups_due where step = 'hour-singles' and extract(hour from bucket)::int % 3 = 0`
    await sql`delete from ops_rollups_due d using kept k where d.step = k.step and d.bucket = k.bucket`
    await fillSingles(sql)
    await sql`insert into ops_rollups_due select * from kept`
    expect(await toldOfSingles()).toEqual(told)
    await fillSingles(sql)
    expect(await toldOfSingles()).toEqual(told)
  }, 180_000)
})

const SINGLE_FILTERS: Partial<OpsWindow>[] = [
  { model: 'm1' },
  { accountId: 2 },
  { provider: 'sandbox' },
  { groupId: 1 },
]

/** Every answer that rows of single dimensions give. */
async function toldOfSingles() {
  const answers: unknown[] = []
  for (const range of ['24h', '7d'] as const) {
    for (const groupBy of SINGLE_DIMENSIONS) {
      answers.push(await ops.dimensionStats({ range, groupBy, measure: 'latencyP95', limit: 20 }))
    }
    for (const filters of SINGLE_FILTERS) {
      answers.push(await ops.throughput({ range, ...filters }))
      answers.push(await ops.latencyHistogram({ range, time: 'ttft', ...filters }))
      answers.push((await ops.overview({ range, ...filters })).latency)
    }
    answers.push(await ops.dimensionStats({ range, groupBy: 'model', measure: 'requests', limit: 20, model: 'm2' }))
  }
  return answers
}

test('trends add up to the total, with no gap and no overlap', async () => {
  for (const range of ['1h', '6h', '24h'] as const) {
    const { requests } = await ops.overview({ range })
    const { points } = await ops.throughput({ range })
    expect(points.reduce((total, point) => total + (point.requests ?? 0), 0)).toBe(requests.total)
    const trend = await ops.errorTrend({ range })
    expect(trend.points.reduce((total, { errors }) => total + (errors ?? 0), 0)).toBe(requests.errors)
    const times = points.map(({ at }) => Date.parse(at))
    for (const [at, time] of times.slice(1).entries()) expect(time - (times[at] ?? 0)).toBe(trend.stepSeconds * 1000)
  }
})

test('percentiles of a step are those of the same time by itself', async () => {
  const { points, stepSeconds } = await ops.throughput({ range: '24h', model: 'm1' })
  const busy = points.filter(({ requests }) => (requests ?? 0) > 5).slice(1, 6)
  expect(busy.length).toBeGreaterThan(0)
  for (const { at, requests, latencyP50Ms, latencyP95Ms, ttftP99Ms } of busy) {
    const to = new Date(Date.parse(at) + stepSeconds * 1000)
    const told = await ops.overview({ from: new Date(at), to, model: 'm1' })
    expect({ requests, latencyP50Ms, latencyP95Ms, ttftP99Ms }).toEqual({
      requests: told.requests.total,
      latencyP50Ms: told.latency.p50,
      latencyP95Ms: told.latency.p95,
      ttftP99Ms: told.ttft.p99,
    })
  }
})

test('a moment nobody watched is no data, not nothing', async () => {
  const { points } = await ops.throughput({ range: '5m' })
  const empty = points.filter(({ requests }) => requests === null)
  for (const { qps, tps } of empty) expect([qps, tps]).toEqual([null, null])
  await database.sql`insert into ops_samples (bucket, instance_id, boot_id, sample) values
    (${new Date(empty[0]?.at ?? 0)}, 'i0', '00000000-0000-7000-8000-000000000001', '{}')`
  const again = await ops.throughput({ range: '5m' })
  expect(again.points.find(({ at }) => at === empty[0]?.at)).toMatchObject({ requests: 0, qps: 0, latencyP95Ms: null })
})

test('every request is in one bar of the histogram', async () => {
  const { latency } = await ops.overview({ range: '24h' })
  const { total, bars } = await ops.latencyHistogram({ range: '24h', time: 'latency' })
  expect(total).toBe(latency.count)
  expect(bars.reduce((all, { count }) => all + count, 0)).toBe(total)
})

test('errors by code and by owner, with the attempts that were cured', async () => {
  const { items, total } = await ops.errorDistribution({ range: '7d', groupBy: 'code' })
  const toMs = Math.floor((NOW + 2_000) / 10_000) * 10_000
  const all = sent({ fromMs: toMs - 7 * DAY_MS, toMs })
  const of = (code: string) => items.find(({ id }) => id === code)
  expect(of('upstream_timeout')).toMatchObject({
    count: all.filter(({ errorCode }) => errorCode === 'upstream_timeout').length,
    owner: 'provider',
    phase: 'upstream',
    severity: 'P1',
  })
  expect(of('upstream_rate_limit')).toMatchObject({
    count: 0,
    failedAttempts: all.filter(({ attempts }) => attempts.length === 2).length,
  })
  expect(total).toBe(all.filter(({ status }) => status !== 200 && status !== 499).length)
  const byOwner = await ops.errorDistribution({ range: '7d', groupBy: 'owner' })
  expect(byOwner.total).toBe(total)
})

test.each(['provider', 'group', 'account', 'model', 'endpoint', 'user', 'key'] as const)(
  'requests by %s add up, the first ones first, compared with the period before',
  async (groupBy) => {
    const { items } = await ops.dimensionStats({ range: '1h', groupBy, measure: 'requests', limit: 20 })
    const { requests } = await ops.overview({ range: '1h' })
    expect(items.reduce((total, item) => total + item.requests, 0)).toBe(requests.total)
    expect(items.map(({ value }) => value)).toEqual(
      items.map(({ value }) => value).toSorted((a, b) => (b ?? 0) - (a ?? 0)),
    )
    for (const { label, previous } of items) {
      expect(label).not.toBe('')
      expect(previous).toBeGreaterThan(0)
    }
  },
)

test('a user’s share by model comes from the ledger', async () => {
  const { items } = await ops.dimensionStats({ range: '24h', groupBy: 'model', measure: 'cost', limit: 20, userId: 1 })
  const toMs = Math.floor((NOW + 2_000) / 10_000) * 10_000
  const expected = sent({ fromMs: toMs - DAY_MS, toMs }, { userId: 1, model: 'm1' })
  expect(items.find(({ id }) => id === 'm1')).toMatchObject({
    requests: expected.length,
    costNano: String(sum(({ costNano }) => costNano ?? 0, expected)),
  })
  await expect(ops.overview({ range: '30d', userId: 1, model: 'm1' })).rejects.toMatchObject({ field: 'from' })
})

test('a user, or a key, alone is told of over any range, and so are the first ones of them', async () => {
  const window = { fromMs: 0, toMs: NOW + 10_000 }
  for (const filters of [{ userId: 1 }, { keyId: 2 }]) {
    const { requests } = await ops.overview({ range: '30d', ...filters })
    expect(requests.total).toBe(sent(window, filters).length)
  }
  const { items } = await ops.dimensionStats({ range: '30d', groupBy: 'user', measure: 'cost', limit: 20 })
  expect(new Map(items.map(({ id, requests }) => [id, requests]))).toEqual(
    new Map([1, 2, 3].map((userId) => [userId, sent(window, { userId }).length])),
  )
})

test('accounts are told with what they did, and whether they are there', async () => {
  const { items } = await ops.accounts({ range: '24h' })
  expect(items.map(({ name, isAvailable }) => [name, isAvailable]).toSorted()).toEqual([
    ['a1', true],
    ['a2', true],
    ['a3', true],
  ])
  for (const { stats } of items) expect(stats?.requests).toBeGreaterThan(0)
})

test('health: a quiet system is idle, a silent one has no data', async () => {
  const { health, sla } = await ops.overview({ from: new Date(NOW - 5_000), to: new Date(NOW - 4_000) })
  expect(health.score).toBe(100)
  expect(['idle', 'no_data']).toContain(health.state)
  expect(sla).toEqual({ value: null, target: 99.9, change: null })
  const busy = await ops.overview({ range: '24h' })
  expect(busy.health.state).toBe('ok')
  expect(busy.health.worst).toBe('availability')
  expect(busy.health.parts.map(({ max }) => max)).toEqual([40, 30, 10, 10, 10])
  expect(busy.health.parts.reduce((total, { points }) => total + points, 0)).toBe(busy.health.score)
})

test('ranges are refused by the field at fault', async () => {
  await expect(ops.overview({ range: '1h', from: new Date(NOW) })).rejects.toMatchObject({ field: 'range' })
  await expect(ops.overview({ from: new Date(NOW), to: new Date(NOW - 1) })).rejects.toMatchObject({ field: 'from' })
})
