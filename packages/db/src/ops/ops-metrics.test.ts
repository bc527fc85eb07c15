import { randomUUID } from 'node:crypto'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import { endedOutcome } from '@turnpike/core/ops/ended-request'
import { mergeBins, quantileOf } from '@turnpike/core/ops/histogram'
import { createTally, type Tally } from '@turnpike/core/ops/tally'
import { type Dimension, SINGLE_DIMENSIONS } from '@turnpike/core/ops/words'
import { expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../testing/fresh-database.ts'
import { makeOutcome } from '../testing/outcome.ts'
import { insertOutcomes } from '../usage-logs/insert-outcomes.ts'
import { beginLife, endLife, isGone, reopenLife } from './lives.ts'
import { recoverLives } from './recover-lives.ts'
import { rollUp } from './roll-up.ts'
import { fillSingles } from './singles.ts'
import { type InstanceLife, writeBuckets } from './write-buckets.ts'

const START = Math.floor((Date.now() - 3 * 86_400_000) / 86_400_000) * 86_400_000
const LIVES = [1, 2, 3].map((at) => ({ instanceId: `i${at}`, bootId: `00000000-0000-7000-8000-00000000000${at}` }))
const [LIFE = { instanceId: '', bootId: '' }] = LIVES
const providerOf = () => 'openai'

/** The same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

function outcomesOver(spanMs: number, count: number): Outcome[] {
  const random = seeded(7)
  return Array.from({ length: count }, () => {
    const endedAtMs = START + Math.floor(random() * spanMs)
    const isFailed = random() < 0.2
    return makeOutcome({
      createdAtMs: endedAtMs - 900,
      endedAtMs,
      model: `m${Math.floor(random() * 5)}`,
      groupId: 1 + Math.floor(random() * 3),
      userId: 1 + Math.floor(random() * 9),
      costNano: Math.floor(random() * 1e9),
      billedNano: Math.floor(random() * 1e9),
      ...(isFailed ? { outcome: 'exhausted', status: 502, errorCode: 'upstream_failed' } : {}),
      times: { ...makeOutcome().times, totalMs: Math.round(Math.exp(random() * 8) * 1000) / 1000 },
    })
  })
}

function talliesOf(outcomes: readonly Outcome[]): Map<number, Tally> {
  const tallies = new Map<number, Tally>()
  for (const outcome of outcomes) {
    const atMs = Math.floor(outcome.endedAtMs / 10_000) * 10_000
    const tally = tallies.get(atMs) ?? createTally({ providerOf })
    tallies.set(atMs, tally)
    tally.count(endedOutcome(outcome))
  }
  return tallies
}

async function write({ sql }: FreshDatabase, life: InstanceLife, outcomes: readonly Outcome[]): Promise<void> {
  const buckets = [...talliesOf(outcomes)].map(([atMs, tally]) => ({ atMs, rows: tally.rows(), sample: null }))
  await writeBuckets(sql, life, buckets, START)
}

async function rollUpAll({ sql }: FreshDatabase): Promise<void> {
  // A step whose parts were due is due itself until they are made.
  while ((await rollUp(sql)) > 0);
}

const TABLES = ['ops_buckets', 'ops_dimension_stats', 'ops_dimension_stats_hourly', 'ops_dimension_stats_daily']

async function sumsOf({ sql }: FreshDatabase, table: string, dimension: Dimension = 'tuple') {
  const [sums] = await sql.unsafe(
    `select sum(requests)::int as requests, sum(errors)::int as errors, sum(attempts)::int as attempts,
      sum(cost_nano)::text as cost, sum(latency_sum_us)::text as latency, max(latency_max_us)::text as longest
     from ${table} where dimension = '${dimension}'`,
  )
  const rows = await sql.unsafe<{ bins: string[] }[]>(
    `select latency_bins as bins from ${table} where dimension = '${dimension}'`,
  )
  return { ...sums, bins: mergeBins(rows.map(({ bins }) => bins.map(Number))) }
}

function expected(outcomes: readonly Outcome[]) {
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0)
  const all = createTally({ providerOf })
  for (const outcome of outcomes) all.count(endedOutcome(outcome))
  return {
    requests: outcomes.length,
    errors: outcomes.filter(({ status }) => status === 502).length,
    attempts: outcomes.length,
    cost: String(sum(({ costNano }) => costNano ?? 0)),
    latency: String(sum(({ times }) => Math.round(times.totalMs * 1000))),
    longest: String(Math.max(...outcomes.map(({ times }) => Math.round(times.totalMs * 1000)))),
    bins: mergeBins(all.rows().map((row) => (row.dimension === 'tuple' ? row.latency?.bins() : null) ?? [])),
  }
}

test('every step says the same, whatever was written twice, late or rolled up again', async () => {
  await using fresh = await freshDatabase()
  const outcomes = outcomesOver(30 * 3_600_000, 500)
  const parts = LIVES.map((_, at) => outcomes.filter((_outcome, index) => index % LIVES.length === at))
  for (const [at, life] of LIVES.entries()) {
    await write(fresh, life, parts[at] ?? [])
    // What comes late finds the roll-ups made, and has them made again.
    if (at === 1) await rollUpAll(fresh)
  }
  await write(fresh, LIFE, parts[0] ?? [])
  await rollUpAll(fresh)
  const all = expected(outcomes)
  await expectInAll(fresh, all)
  await fresh.sql`insert into ops_rollups_due select distinct 'hour', date_trunc('hour', bucket, 'UTC') from ops_buckets`
  await rollUpAll(fresh)
  await expectInAll(fresh, all)
}, 120_000)

async function expectInAll(fresh: FreshDatabase, all: object): Promise<void> {
  for (const table of TABLES) expect(await sumsOf(fresh, table)).toEqual(all)
  for (const table of TABLES.slice(2)) {
    for (const dimension of SINGLE_DIMENSIONS) {
      expect({ dimension, ...(await sumsOf(fresh, table, dimension)) }).toEqual({ dimension, ...all })
    }
  }
}

test.each(['Europe/Berlin', 'America/New_York'])(
  'a day is a day of UTC, wherever the server of the database is: %s',
  async (zone) => {
    await using fresh = await freshDatabase({ max: 1 })
    await fresh.sql`select set_config('timezone', ${zone}, false)`
    const hourMs = 3_600_000
    // The clocks are changed in these days: one has 23 hours there, the other 25.
    for (const day of [Date.UTC(2025, 2, 8), Date.UTC(2025, 2, 29), Date.UTC(2025, 9, 25), Date.UTC(2025, 10, 1)]) {
      const outcomes = Array.from({ length: 72 }, (_, hour) => makeOutcome({ endedAtMs: day + hour * hourMs }))
      await write(fresh, LIFE, outcomes)
    }
    await rollUpAll(fresh)
    const days = await fresh.sql`
    select requests::int from ops_dimension_stats_daily where dimension = 'all' order by bucket`
    expect(days.map(({ requests }) => requests)).toEqual(Array.from({ length: 12 }, () => 24))
  },
  120_000,
)

test('roll-ups from before there were rows of single dimensions get them, each once', async () => {
  await using fresh = await freshDatabase()
  const { sql } = fresh
  const outcomes = outcomesOver(3 * 3_600_000, 60)
  await write(fresh, LIFE, outcomes)
  await rollUpAll(fresh)
  const singles = () => sql`
    select * from ops_dimension_stats_hourly where dimension = any(${[...SINGLE_DIMENSIONS]}) order by bucket, tuple`
  const made = await singles()
  expect(made.length).toBeGreaterThan(20)
  await sql`insert into ops_rollups_due select distinct 'hour-singles', bucket from ops_dimension_stats_hourly`
  await sql`delete from ops_dimension_stats_hourly where dimension = any(${[...SINGLE_DIMENSIONS.slice(1)]})`
  const filled = await Promise.all([fillSingles(sql), fillSingles(sql)])
  expect(Math.max(...filled)).toBe(3)
  expect(await singles()).toEqual(made)
  expect(await fillSingles(sql)).toBe(0)
  expect(await sql`select from ops_rollups_due where step = 'hour-singles'`).toHaveLength(0)
}, 120_000)

test('the database finds percentiles as the core does', async () => {
  await using fresh = await freshDatabase()
  const { bins } = expected(outcomesOver(1_000, 500))
  for (const share of [0, 0.5, 0.95, 0.99, 0.999, 1]) {
    const [row] = await fresh.sql<{ value: number }[]>`select bins_quantile(${bins}::bigint[], ${share}) as value`
    expect(row?.value).toBeCloseTo(quantileOf(bins, share) ?? Number.NaN, 9)
  }
  const [none] = await fresh.sql<{ value: number | null }[]>`select bins_quantile('{}', 0.5) as value`
  expect(none?.value).toBeNull()
  await expectSummaries(fresh, bins)
})

/** All shares in one reading are what each of them is by itself. */
async function expectSummaries(fresh: FreshDatabase, bins: number[]): Promise<void> {
  const shares = [0, 0.25, 0.5, 0.5, 0.95, 0.99, 0.999, 1]
  for (const some of [bins, bins.slice(0, 1), [-4096 * 2 ** 40 + 3, ...bins], []]) {
    const [row] = await fresh.sql<{ summary: (number | null)[]; expected: (number | null)[]; count: number }[]>`
      select bins_summary(${some}::bigint[], ${shares}::float8[]) as summary,
        array(select bins_quantile(${some}::bigint[], share) from unnest(${shares}::float8[]) with ordinality as s (share, at)
          order by at) as expected,
        (select coalesce(sum(bin & 1099511627775), 0)::float8 from unnest(${some}::bigint[]) as bin) as count`
    expect(row?.summary).toEqual([row?.count, ...(row?.expected ?? [])])
  }
}

test('tuples beyond the bound become one in the roll-up, and nothing is lost', async () => {
  await using fresh = await freshDatabase()
  for (const [at, life] of LIVES.slice(0, 2).entries()) {
    const outcomes = Array.from({ length: 1_500 }, (_, index) =>
      makeOutcome({ endedAtMs: START + 5, model: `m-${at}-${index}`, userId: 1 }),
    )
    await write(fresh, life, outcomes)
  }
  await rollUpAll(fresh)
  const [row] = await fresh.sql`
    select count(*)::int as rows, sum(requests)::int as requests, count(*) filter (where is_other)::int as others,
      sum(requests) filter (where is_other)::int as other_requests
    from ops_dimension_stats where dimension = 'tuple'`
  expect(row).toEqual({ rows: 2_001, requests: 3_000, others: 1, other_requests: 1_000 })
})

test('a minute of all instances and of each: rates, percentiles and gauges; none where nothing was', async () => {
  await using fresh = await freshDatabase()
  const minute = START + 60_000
  const sample = {
    cpuUsagePercent: 40,
    memoryUsedMb: 100,
    openStreams: 2,
    waiters: 3,
    redisConn: 1,
    isDatabaseAway: false,
  }
  const times = makeOutcome().times
  const outcomes = [
    ...Array.from({ length: 9 }, (_, at) =>
      makeOutcome({ endedAtMs: minute + 1, times: { ...times, totalMs: 10 * (at + 1) } }),
    ),
    makeOutcome({
      endedAtMs: minute + 1,
      outcome: 'exhausted',
      status: 504,
      errorCode: 'upstream_timeout',
      times: { ...times, totalMs: 1000 },
    }),
  ]
  for (const [at, life] of LIVES.slice(0, 2).entries()) {
    const tally = createTally({ providerOf })
    for (const outcome of outcomes) tally.count(endedOutcome(outcome))
    const rows = at === 0 ? tally.rows() : []
    await writeBuckets(
      fresh.sql,
      life,
      [{ atMs: minute, rows, sample: { ...sample, cpuUsagePercent: 40 + 20 * at } }],
      minute,
    )
  }
  await rollUpAll(fresh)
  const rows = await fresh.sql`
    select instance_id as id, request_count::int as requests, success_rate as success, error_timeout_count::int as timeouts, qps,
      p50_latency_ms as p50, max_latency_ms as longest, avg_latency_ms as mean, cpu_usage_percent as cpu,
      memory_used_mb as memory, active_users as users, tags->>'resourcePercent' as resources
    from ops_system_metrics where window_minutes = 1 and created_at = ${new Date(minute)} order by instance_id`
  const counted = {
    requests: 10,
    success: 90,
    timeouts: 1,
    qps: 10 / 60,
    p50: expect.closeTo(50, 0),
    longest: 1000,
    mean: 145,
    users: 1,
  }
  const nothing = { requests: 0, success: null, timeouts: 0, qps: 0, p50: null, longest: null, mean: null, users: 0 }
  expect(rows).toEqual([
    { id: '*', ...counted, cpu: 60, memory: 200, resources: '60' },
    { id: 'i1', ...counted, cpu: 40, memory: 100, resources: '40' },
    { id: 'i2', ...nothing, cpu: 60, memory: 100, resources: '60' },
  ])
  const [five] = await fresh.sql`
    select request_count::int as requests, qps from ops_system_metrics where window_minutes = 5 and instance_id = '*'`
  expect(five).toEqual({ requests: 10, qps: 10 / 300 })
  const [latest] = await fresh.sql`select created_at as at, health_score as score from ops_latest_metrics`
  expect(latest).toEqual({ at: new Date(minute), score: 10 + 30 + 10 + 10 + 7 })
})

test('of a killed instance the ledger’s rows are counted, each once, also those it learns later', async () => {
  await using fresh = await freshDatabase()
  const outcomes = outcomesOver(60_000, 300)
  const flushedTo = START + 30_000
  const written = outcomes.filter(({ endedAtMs }) => endedAtMs < flushedTo)
  await beginLife(fresh.sql, { ...LIFE, version: '1', startedAt: new Date(START) })
  await write(fresh, LIFE, written)
  await fresh.sql`update ops_instances set flushed_to = ${new Date(flushedTo)}`
  expect(await recoverLives(fresh.sql)).toBe(0)
  await fresh.sql`update ops_instances set seen_at = now() - interval '2 minutes'`
  const late = outcomes.slice(0, 40)
  await insertLedger(fresh, outcomes.slice(40))
  expect(await recoverLives(fresh.sql)).toBe(1)
  expect(await recoverLives(fresh.sql)).toBe(0)
  const unknown = makeOutcome({
    createdAtMs: START,
    endedAtMs: START,
    outcome: 'unknown',
    status: 500,
    errorCode: 'internal_error',
  })
  await insertLedger(fresh, [...late, unknown])
  await reopenLife(fresh.sql, LIFE.bootId)
  expect(await recoverLives(fresh.sql)).toBe(1)
  await rollUpAll(fresh)
  for (const table of TABLES) {
    expect(await sumsOf(fresh, table)).toMatchObject({
      requests: outcomes.length + 1,
      cost: expected([...outcomes, unknown]).cost,
    })
  }
})

test('an instance that began anew is known to have died, before and after what it left is counted', async () => {
  await using fresh = await freshDatabase()
  const gone = async () =>
    (await fresh.sql`select boot_id from ops_instances as life where ${isGone(fresh.sql)}`).length
  await beginLife(fresh.sql, { ...LIFE, version: '1', startedAt: new Date(START) })
  expect(await gone()).toBe(0)
  await beginLife(fresh.sql, { ...LIFE, bootId: randomUUID(), version: '1', startedAt: new Date(START + 1) })
  expect(await gone()).toBe(1)
  expect(await recoverLives(fresh.sql)).toBe(1)
  expect(await gone()).toBe(1)
})

test('an instance that said goodbye is not dead', async () => {
  await using fresh = await freshDatabase()
  await beginLife(fresh.sql, { ...LIFE, version: '1', startedAt: new Date(START) })
  await endLife(fresh.sql, LIFE.bootId)
  await fresh.sql`update ops_instances set seen_at = now() - interval '2 minutes'`
  expect(await recoverLives(fresh.sql)).toBe(0)
})

async function insertLedger({ sql }: FreshDatabase, outcomes: readonly Outcome[]): Promise<void> {
  const rows = outcomes.map((outcome) => JSON.stringify(outcome))
  expect(await insertOutcomes(sql, rows, { bootId: LIFE.bootId })).toMatchObject({ rejected: [] })
}
