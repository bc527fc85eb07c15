import { expect, test } from 'vitest'
import { createHistogram } from '../ops/histogram.ts'
import { labelsOf, passes } from './filters.ts'
import { ALERT_METRICS, METRICS } from './metrics.ts'
import { aggregated, merged, NOTHING, type Reading } from './reading.ts'
import { type RequestCounts, requestReading } from './request-reading.ts'

function times(...ms: number[]) {
  const histogram = createHistogram()
  for (const value of ms) histogram.record(value)
  return { count: ms.length, sumUs: histogram.sumUs, maxUs: histogram.maxUs, bins: histogram.bins() }
}

const COUNTS: RequestCounts = {
  requests: 120,
  successes: 90,
  errors: 10,
  http4xx: 5,
  http5xx: 10,
  timeouts: 2,
  upstream429: 3,
  attempts: 130,
  failedAttempts: 26,
  accountSwitches: 7,
  inputTokens: 1_000,
  outputTokens: 200,
  costNano: 2_500_000_000,
  billedNano: 5_000_000_000,
  seconds: 60,
  perSecond: { requests: { max: 4, min: 1 }, tokens: { max: 40, min: 0 } },
  latency: times(100, 200, 300, 400),
  ttft: times(),
  gateway: times(1),
}

function value(metric: (typeof ALERT_METRICS)[number], aggregation: Parameters<typeof aggregated>[1]): number | null {
  const reading = requestReading(metric, COUNTS)
  return reading === null ? null : aggregated(reading, aggregation, 1).value
}

test.each([
  ['success_rate', 'ratio', 90],
  ['error_rate', 'ratio', 10],
  ['sla', 'ratio', 90],
  ['upstream_error_rate', 'ratio', 20],
  ['latency_ms', 'avg', 250],
  ['latency_ms', 'max', 400],
  ['ttft_ms', 'avg', null],
  ['ttft_ms', 'p99', null],
  ['ttft_ms', 'max', null],
  ['request_count', 'sum', 120],
  ['request_count', 'rate', 2],
  ['http_4xx_count', 'sum', 5],
  ['http_5xx_count', 'sum', 10],
  ['timeout_count', 'sum', 2],
  ['tokens', 'sum', 1200],
  ['tokens', 'rate', 20],
  ['cost', 'sum', 2.5],
  ['account_switches', 'sum', 7],
  ['account_errors', 'sum', 26],
  ['account_rate_limited', 'sum', 3],
  ['key_spending', 'sum', 5],
  ['qps', 'avg', 2],
  ['qps', 'max', 4],
  ['qps', 'min', 1],
  ['tps', 'avg', 20],
  ['tps', 'max', 40],
] as const)('%s by %s is %d', (metric, aggregation, expected) => expect(value(metric, aggregation)).toBe(expected))

test.each([
  ['p50', 200],
  ['p95', 400],
  ['p99', 400],
] as const)('%s is a value that was there, within half a percent', (aggregation, expected) => {
  const told = value('latency_ms', aggregation) ?? 0
  expect(Math.abs(told - expected) / expected).toBeLessThanOrEqual(0.0051)
})

test('every metric of requests has a reading, and no other', () => {
  for (const metric of ALERT_METRICS) {
    expect([metric, requestReading(metric, COUNTS) !== null]).toEqual([metric, METRICS[metric].source === 'requests'])
  }
})

test('nothing is zero where it is counted, and no data where it is judged', () => {
  expect(aggregated(NOTHING, 'sum', 5)).toEqual({ value: 0, samples: 0 })
  expect(aggregated(NOTHING, 'rate', 5).value).toBe(0)
  for (const aggregation of ['ratio', 'avg', 'max', 'min', 'p50', 'p95', 'p99'] as const)
    expect(aggregated(NOTHING, aggregation, 5)).toEqual({ value: null, samples: 0 })
})

test('readings of neighbours join to that of both', () => {
  const a: Reading = { part: 1, whole: 2, max: 5, min: 1, bins: times(1, 2).bins, values: [1] }
  const b: Reading = { part: 3, whole: 4, max: 4, min: null, bins: times(2).bins, values: [2, 3] }
  expect(merged([a])).toBe(a)
  expect(merged([])).toEqual(NOTHING)
  expect(merged([a, b])).toEqual({ part: 4, whole: 6, max: 5, min: 1, bins: times(1, 2, 2).bins, values: [1, 2, 3] })
})

test('single measurements have percentiles too', () => {
  const reading: Reading = { ...NOTHING, values: [30, 10, 20] }
  expect(aggregated(reading, 'p50', 1)).toEqual({ value: 20, samples: 3 })
  expect(aggregated(reading, 'p99', 1).value).toBe(30)
})

test.each([
  ['eq', ['1'], true],
  ['eq', ['2'], false],
  ['in', ['2', '1'], true],
  ['in', ['2', '3'], false],
  ['not', ['1'], false],
  ['not', ['2'], true],
] as const)('group 1 passes %s %j: %s', (op, values, expected) => {
  expect(passes({ group: '1' }, [{ dimension: 'group', op, values: [...values] }])).toBe(expected)
  expect(passes({ group: null }, [{ dimension: 'group', op, values: [...values] }])).toBe(op === 'not')
})

test('rows whose value is not known belong to no series', () => {
  expect(labelsOf({ group: '1', model: 'm' }, ['group', 'model'])).toEqual({ group: '1', model: 'm' })
  expect(labelsOf({ group: null, model: 'm' }, ['group', 'model'])).toBeNull()
  expect(labelsOf({}, [])).toEqual({})
})
