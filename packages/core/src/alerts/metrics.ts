import type { AlertAggregation } from '../ops/words.ts'

/** What requests are told apart by (ops.md, "Tables"). */
export const TUPLE_DIMENSIONS = ['provider', 'group', 'account', 'model', 'endpoint'] as const
export const ALERT_DIMENSIONS = [...TUPLE_DIMENSIONS, 'user', 'key'] as const
export type AlertDimension = (typeof ALERT_DIMENSIONS)[number]

export const METRIC_UNITS = [
  'percent',
  'milliseconds',
  'count',
  'bytes',
  'dollars',
  'tokens',
  'per_second',
  'state',
] as const
export type MetricUnit = (typeof METRIC_UNITS)[number]

/** Where a metric is read: counts of requests, what instances measure of themselves, or balances as they are now. */
export type MetricSource = 'requests' | 'samples' | 'balances'

export interface MetricTerms {
  unit: MetricUnit
  source: MetricSource
  /** The first is the default. */
  aggregations: readonly [AlertAggregation, ...AlertAggregation[]]
  /** A threshold outside can never be crossed, or always is. */
  min: number
  max: number
  dimensions: readonly AlertDimension[]
}

const RATIO = ['ratio'] as const
const DURATION = ['p99', 'p95', 'p50', 'avg', 'max'] as const
const COUNT = ['sum', 'rate'] as const
const HIGHEST = ['max', 'avg', 'min'] as const
const LOWEST = ['min', 'avg', 'max'] as const
const MEAN = ['avg', 'max', 'min'] as const

const ofRequests = { source: 'requests', dimensions: ALERT_DIMENSIONS } as const
/** People's rows have counts, tokens and cost, but no times. */
const ofTimes = { source: 'requests', dimensions: TUPLE_DIMENSIONS } as const
const ofInstances = { source: 'samples', dimensions: [] } as const
const ofAccounts = { source: 'samples', dimensions: ['group'] } as const

const percent = { unit: 'percent', min: 0, max: 100 } as const
const duration = { unit: 'milliseconds', min: 0, max: 86_400_000, aggregations: DURATION } as const
const unbounded = { min: 0, max: 1e15 } as const
const count = { unit: 'count', ...unbounded, aggregations: COUNT } as const

/** Every metric of alerts.md, "Rule". */
export const METRICS = {
  success_rate: { ...percent, ...ofRequests, aggregations: RATIO },
  error_rate: { ...percent, ...ofRequests, aggregations: RATIO },
  sla: { ...percent, ...ofRequests, aggregations: RATIO },
  upstream_error_rate: { ...percent, ...ofTimes, aggregations: RATIO },
  accounts_available_ratio: { ...percent, ...ofAccounts, aggregations: RATIO },
  cpu_usage_percent: { ...percent, ...ofInstances, aggregations: MEAN },
  memory_usage_percent: { ...percent, ...ofInstances, aggregations: HIGHEST },
  disk_usage_percent: { ...percent, ...ofInstances, aggregations: HIGHEST },
  latency_ms: { ...duration, ...ofTimes },
  ttft_ms: { ...duration, ...ofTimes },
  gateway_ms: { ...duration, ...ofTimes },
  event_loop_delay_ms: { ...duration, ...ofInstances },
  request_count: { ...count, ...ofRequests },
  http_4xx_count: { ...count, ...ofRequests },
  http_5xx_count: { ...count, ...ofRequests },
  timeout_count: { ...count, ...ofRequests },
  tokens: { ...count, ...ofRequests, unit: 'tokens' },
  cost: { ...count, ...ofRequests, unit: 'dollars' },
  account_switches: { ...count, ...ofTimes },
  errors_dropped: { ...count, ...ofInstances },
  account_errors: { ...count, ...ofTimes },
  account_rate_limited: { ...count, ...ofTimes },
  qps: { ...ofRequests, ...unbounded, unit: 'per_second', aggregations: MEAN },
  tps: { ...ofRequests, ...unbounded, unit: 'per_second', aggregations: MEAN },
  concurrency_queue_depth: { ...ofInstances, ...unbounded, unit: 'count', aggregations: HIGHEST },
  waiters: { ...ofInstances, ...unbounded, unit: 'count', aggregations: MEAN },
  accounts_available: { ...ofAccounts, ...unbounded, unit: 'count', aggregations: LOWEST },
  db_conn_waiting: { ...ofInstances, ...unbounded, unit: 'count', aggregations: HIGHEST },
  redis_up: { ...ofInstances, unit: 'state', min: 0, max: 1, aggregations: LOWEST },
  journal_backlog: { ...ofInstances, ...unbounded, unit: 'bytes', aggregations: HIGHEST },
  job_overdue: { ...ofInstances, ...unbounded, unit: 'count', aggregations: HIGHEST },
  balance: { source: 'balances', dimensions: ['user'], unit: 'dollars', min: -1e9, max: 1e9, aggregations: LOWEST },
  key_spending: { source: 'requests', dimensions: ['key'], unit: 'dollars', ...unbounded, aggregations: HIGHEST },
} as const satisfies Record<string, MetricTerms>

export type AlertMetric = keyof typeof METRICS
export const ALERT_METRICS = Object.keys(METRICS) as [AlertMetric, ...AlertMetric[]]

export function termsOf(metric: AlertMetric): MetricTerms {
  return METRICS[metric]
}

export function isMetric(name: string): name is AlertMetric {
  return Object.hasOwn(METRICS, name)
}

/** Ratios and percentiles say nothing about few requests. */
export function needsSamples(aggregation: AlertAggregation, metric: AlertMetric): boolean {
  return termsOf(metric).source === 'requests' && ['ratio', 'p50', 'p95', 'p99'].includes(aggregation)
}

/** `==` is for whole numbers: a count, not its rate. */
export function mayEqual(metric: AlertMetric, aggregation: AlertAggregation): boolean {
  const { aggregations, unit } = termsOf(metric)
  return aggregations.includes('sum') && aggregation === 'sum' && unit !== 'dollars'
}
