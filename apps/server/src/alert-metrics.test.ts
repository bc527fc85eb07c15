import { ALERT_METRICS, type AlertMetric } from '@turnpike/core/alerts/metrics'
import { type RuleInput, ruleSchema } from '@turnpike/core/alerts/rule'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import { rollUp } from '@turnpike/db'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readHistory } from './features/alerts/evaluation/read-history.ts'
import { readValuesAt } from './features/alerts/evaluation/read-values.ts'
import { createCountsSource } from './features/ops/queries/source.ts'
import { alertWorld } from './testing/alert-world.ts'

const FAILED = { outcome: 'failed', status: 502, errorCode: 'upstream_failed' } as const satisfies Partial<Outcome>
const TIMES = {
  queueMs: 0,
  routeMs: 1,
  upstreamConnectMs: 1,
  upstreamFirstByteMs: 1,
  ttftMs: 400,
  totalMs: 1000,
  gatewayMs: 8,
}
const MINUTE_MS = 60_000
/** Judged at the end of minute 1, over two minutes. */
const AT = 1

let world: Awaited<ReturnType<typeof alertWorld>>

beforeAll(async () => {
  world = await alertWorld()
  await world.sql`insert into users (email, balance_nano) values ('a@example.com', 3000000000), ('b@example.com', 9000000000),
    ('no-key@example.com', 0)`
  await world.sql`insert into groups (name, billing) values ('paid', 'balance')`
  await world.sql`insert into api_keys (public_id, secret_hash, last4, user_id, group_id, name)
    values ('abcdefghij', 'h', '1234', 1, 1, 'k'), ('bcdefghijk', 'h', '1234', 2, 1, 'k')`
  await world.sql`insert into credit_leases (id, purse, owner_id, boot_id, amount_nano, expires_at)
    values (gen_random_uuid(), 'balance', 1, 'b', 1000000000, now() + interval '1 hour')`
  await world.minute(
    0,
    [
      { times: TIMES, groupId: 1, keyId: 1 },
      { ...FAILED, times: TIMES, groupId: 2, model: 'm-2', keyId: 2 },
    ],
    {
      cpuUsagePercent: 30,
      eventLoopDelayP99Ms: 50,
      errorsDropped: 2,
      waiters: 6,
      accountsByGroup: { 1: [2, 4], 2: [0, 1] },
    },
  )
  await world.minute(
    1,
    [
      { times: { ...TIMES, totalMs: 3000 }, groupId: 1, keyId: 1 },
      { times: TIMES, groupId: 1, keyId: 1 },
    ],
    {
      cpuUsagePercent: 50,
      memoryUsagePercent: 60,
      diskUsed: 90,
      waiters: 2,
      accountsAvailable: 1,
      accountsTotal: 4,
      accountsByGroup: { 1: [1, 4], 2: [0, 1] },
      journalBacklogBytes: 5000,
      errorsDropped: 3,
      dbConnWaiting: 4,
      redisConn: 0,
      jobsOverdue: 2,
    },
  )
  await rollUp(world.sql)
}, 180_000)
afterAll(() => world[Symbol.asyncDispose]())

const TOKENS = 400

const EXPECTED: [AlertMetric, RuleInput['aggregation'], number][] = [
  ['success_rate', 'ratio', 75],
  ['error_rate', 'ratio', 25],
  ['sla', 'ratio', 75],
  ['upstream_error_rate', 'ratio', 0],
  ['accounts_available_ratio', 'ratio', 50],
  ['cpu_usage_percent', 'avg', 40],
  ['cpu_usage_percent', 'max', 50],
  ['memory_usage_percent', 'max', 60],
  ['disk_usage_percent', 'max', 90],
  ['disk_usage_percent', 'min', 30],
  ['latency_ms', 'avg', 1500],
  ['latency_ms', 'max', 3000],
  ['ttft_ms', 'avg', 400],
  ['gateway_ms', 'max', 8],
  ['event_loop_delay_ms', 'p99', 50],
  ['event_loop_delay_ms', 'p50', 1],
  ['request_count', 'sum', 4],
  ['request_count', 'rate', 4 / 120],
  ['http_4xx_count', 'sum', 0],
  ['http_5xx_count', 'sum', 1],
  ['timeout_count', 'sum', 0],
  ['tokens', 'sum', 4 * TOKENS],
  ['cost', 'sum', 4 * 0.000195],
  ['account_switches', 'sum', 0],
  ['errors_dropped', 'sum', 5],
  ['account_errors', 'sum', 0],
  ['account_rate_limited', 'sum', 0],
  ['qps', 'avg', 4 / 120],
  ['qps', 'max', 2 / 60],
  ['tps', 'avg', (4 * TOKENS) / 120],
  ['concurrency_queue_depth', 'max', 6],
  ['waiters', 'avg', 4],
  ['accounts_available', 'min', 1],
  ['db_conn_waiting', 'max', 4],
  ['redis_up', 'min', 0],
  ['journal_backlog', 'max', 5000],
  ['job_overdue', 'max', 2],
  ['balance', 'min', 4],
  ['balance', 'max', 9],
  ['key_spending', 'max', 3 * 0.000195],
]

test('every metric is asked here', () => {
  expect(new Set(EXPECTED.map(([metric]) => metric))).toEqual(new Set(ALERT_METRICS))
})

function ruleOf(input: Partial<RuleInput>) {
  return ruleSchema.parse({ name: 'x', operator: '>', threshold: 0, windowMinutes: 2, minSamples: 1, ...input })
}

function valuesAt(minute: number) {
  return readValuesAt({ sql: world.sql, source: createCountsSource(world.sql), toMs: world.atMs(minute) })
}

test.each(EXPECTED)('%s by %s reads %d, now and in its history', async (metric, aggregation, expected) => {
  const rule = ruleOf({ metric, aggregation })
  const [only, ...others] = await valuesAt(AT)(rule, [])
  expect(others).toEqual([])
  expect(only?.value).toBeCloseTo(expected, 9)
  const span = { fromMs: world.atMs(AT) - MINUTE_MS, toMs: world.atMs(AT) }
  const [history] = await readHistory(world.sql, createCountsSource(world.sql), rule, span)
  if (metric === 'balance') expect(history).toBeUndefined()
  else expect(history?.points.at(-1)).toEqual([world.atMs(AT), expect.closeTo(expected, 9)])
})

test.each([
  [
    { metric: 'request_count', groupBy: ['group'] },
    { 1: 3, 2: 1 },
  ],
  [
    { metric: 'error_rate', groupBy: ['group'] },
    { 1: 0, 2: 100 },
  ],
  [
    { metric: 'request_count', groupBy: ['key'] },
    { 1: 3, 2: 1 },
  ],
  [
    { metric: 'accounts_available', groupBy: ['group'] },
    { 1: 1, 2: 0 },
  ],
  [
    { metric: 'accounts_available_ratio', groupBy: ['group'] },
    { 1: 37.5, 2: 0 },
  ],
  [
    { metric: 'balance', groupBy: ['user'] },
    { 1: 4, 2: 9 },
  ],
] as const)('%o has a value for each', async ({ metric, groupBy }, expected) => {
  const series = await valuesAt(AT)(ruleOf({ metric, groupBy: [...groupBy] }), [])
  expect(Object.fromEntries(series.map(({ labels, value }) => [labels[groupBy[0]], value]))).toEqual(expected)
})

test.each([
  ['eq', ['2'], 1],
  ['not', ['2'], 3],
  ['in', ['1', '2'], 4],
  ['eq', ['77'], 0],
] as const)('a filter lets through what it says: group %s %j', async (op, values, expected) => {
  const rule = ruleOf({ metric: 'request_count', dimensionFilters: [{ dimension: 'group', op, values: [...values] }] })
  expect((await valuesAt(AT)(rule, [])).map(({ value }) => value)).toEqual([expected])
})

test('too few requests are no data for a ratio, and still a number for a count', async () => {
  expect((await valuesAt(AT)(ruleOf({ metric: 'error_rate', minSamples: 5 }), []))[0]?.value).toBeNull()
  expect((await valuesAt(AT)(ruleOf({ metric: 'request_count', minSamples: 5 }), []))[0]?.value).toBe(4)
})

test('where nobody measured there is no data, not nothing', async () => {
  for (const metric of ['request_count', 'error_rate', 'cpu_usage_percent', 'qps'] as const) {
    expect((await valuesAt(-60)(ruleOf({ metric }), []))[0]?.value).toBeNull()
  }
})

test('a burn-rate rule is beyond its threshold only where both windows are', async () => {
  const series = await valuesAt(AT)(ruleOf({ slo: { target: 99 } }), [])
  expect(series.map(({ labels, value, part }) => [labels.burn, value, part.threshold])).toEqual([
    ['14.4x', 25, 14.4],
    ['6x', 25, 6],
    ['1x', 25, 1],
  ])
})

test('rules that ask alike share one look', async () => {
  let looks = 0
  const source = createCountsSource(world.sql)
  const counting: typeof source = (...asked) => {
    looks += 1
    return source(...asked)
  }
  const valuesOf = readValuesAt({ sql: world.sql, source: counting, toMs: world.atMs(AT) })
  const metrics = ['request_count', 'error_rate', 'tokens', 'http_5xx_count'] as const
  await Promise.all(metrics.map((metric) => valuesOf(ruleOf({ metric }), [])))
  expect(looks).toBe(1)
})
