import { type AlertMetric, isMetric, type MetricUnit, termsOf } from '@turnpike/core/alerts/metrics'
import { format } from '#lib/i18n/format.ts'
import { m } from '#lib/paraglide/messages.js'

const METRICS = {
  success_rate: m.metric_success_rate,
  error_rate: m.metric_error_rate,
  sla: m.metric_sla,
  upstream_error_rate: m.metric_upstream_error_rate,
  accounts_available_ratio: m.metric_accounts_available_ratio,
  cpu_usage_percent: m.metric_cpu_usage_percent,
  memory_usage_percent: m.metric_memory_usage_percent,
  disk_usage_percent: m.metric_disk_usage_percent,
  latency_ms: m.metric_latency_ms,
  ttft_ms: m.metric_ttft_ms,
  gateway_ms: m.metric_gateway_ms,
  event_loop_delay_ms: m.metric_event_loop_delay_ms,
  request_count: m.metric_request_count,
  http_4xx_count: m.metric_http_4xx_count,
  http_5xx_count: m.metric_http_5xx_count,
  timeout_count: m.metric_timeout_count,
  tokens: m.metric_tokens,
  cost: m.metric_cost,
  account_switches: m.metric_account_switches,
  errors_dropped: m.metric_errors_dropped,
  account_errors: m.metric_account_errors,
  account_rate_limited: m.metric_account_rate_limited,
  qps: m.metric_qps,
  tps: m.metric_tps,
  concurrency_queue_depth: m.metric_concurrency_queue_depth,
  waiters: m.metric_waiters,
  accounts_available: m.metric_accounts_available,
  db_conn_waiting: m.metric_db_conn_waiting,
  redis_up: m.metric_redis_up,
  journal_backlog: m.metric_journal_backlog,
  job_overdue: m.metric_job_overdue,
  balance: m.metric_balance,
  key_spending: m.metric_key_spending,
} satisfies Record<AlertMetric, () => string>

const DIMENSIONS: Record<string, () => string> = {
  provider: m.dimension_provider,
  group: m.dimension_group,
  account: m.dimension_account,
  model: m.dimension_model,
  endpoint: m.dimension_endpoint,
  user: m.dimension_user,
  key: m.dimension_key,
  instance: m.dimension_instance,
}

const WRITTEN = {
  percent: format.percent,
  milliseconds: format.ms,
  count: format.decimal,
  bytes: format.bytes,
  dollars: (value) => format.shortDollars(String(value)),
  tokens: format.decimal,
  per_second: format.decimal,
  state: format.decimal,
} satisfies Record<MetricUnit, (value: number) => string>

const UNITS: Partial<Record<MetricUnit, () => string>> = {
  percent: m.unit_percent,
  milliseconds: m.unit_ms,
  bytes: m.unit_bytes,
  dollars: m.unit_dollars,
}

export function metricText(metric: string): string {
  return isMetric(metric) ? METRICS[metric]() : metric
}

/** A dimension's or a label's name; one that is nobody's but its author's is shown as it is. */
export function dimensionText(name: string): string {
  return DIMENSIONS[name]?.() ?? name
}

/** A value in its metric's unit. */
export function formatMetric(metric: string, value: number | null): string {
  if (value === null) return m.no_data()
  return isMetric(metric) ? WRITTEN[termsOf(metric).unit](value) : format.decimal(value)
}

/** What a form's number is in; null = a plain number. */
export function unitText(metric: string): string | null {
  return (isMetric(metric) ? UNITS[termsOf(metric).unit]?.() : undefined) ?? null
}
