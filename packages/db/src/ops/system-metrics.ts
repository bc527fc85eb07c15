import type { TransactionSql } from 'postgres'
import { COUNT_MASK, HISTOGRAMS, summed, summedTimes } from './columns.ts'

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99, p999: 0.999 } as const

/** Windows, in minutes. Those of five are made with their last minute, and again with each of theirs that comes late. */
const WINDOWS = [1, 5] as const

/**
 * The rows of `ops_system_metrics` whose windows hold this minute: one per instance that was counted or measured in them, and
 * one (`*`) for all. What was there is replaced.
 */
export async function writeSystemMetrics(tx: TransactionSql, minute: Date): Promise<void> {
  for (const windowMinutes of WINDOWS) {
    const windowMs = windowMinutes * 60_000
    const start = new Date(Math.floor(minute.getTime() / windowMs) * windowMs)
    await tx`delete from ops_system_metrics where created_at = ${start} and window_minutes = ${windowMinutes}`
    await tx.unsafe(INSERT, [start, windowMinutes], { prepare: true })
  }
}

/** How a gauge of the samples becomes one of a window: of one instance its mean or maximum, of all their sum or the worst. */
const GAUGES: readonly {
  column: string
  member: string
  within: 'avg' | 'max' | 'sum'
  over: 'max' | 'sum'
  type?: string
}[] = [
  { column: 'cpu_usage_percent', member: 'cpuUsagePercent', within: 'avg', over: 'max' },
  { column: 'memory_used_mb', member: 'memoryUsedMb', within: 'avg', over: 'sum' },
  { column: 'memory_total_mb', member: 'memoryTotalMb', within: 'max', over: 'sum' },
  { column: 'memory_usage_percent', member: 'memoryUsagePercent', within: 'max', over: 'max' },
  { column: 'event_loop_delay_p99_ms', member: 'eventLoopDelayP99Ms', within: 'max', over: 'max' },
  { column: 'heap_alloc_mb', member: 'heapAllocMb', within: 'avg', over: 'sum' },
  { column: 'gc_pause_ms', member: 'gcPauseMs', within: 'sum', over: 'sum' },
  { column: 'disk_used', member: 'diskUsed', within: 'max', over: 'max', type: 'bigint' },
  { column: 'disk_total', member: 'diskTotal', within: 'max', over: 'max', type: 'bigint' },
  { column: 'network_in_bytes', member: 'networkInBytes', within: 'sum', over: 'sum', type: 'bigint' },
  { column: 'network_out_bytes', member: 'networkOutBytes', within: 'sum', over: 'sum', type: 'bigint' },
  { column: 'db_conn_active', member: 'dbConnActive', within: 'avg', over: 'sum' },
  { column: 'db_conn_idle', member: 'dbConnIdle', within: 'avg', over: 'sum' },
  { column: 'db_conn_waiting', member: 'dbConnWaiting', within: 'max', over: 'sum' },
  { column: 'redis_conn', member: 'redisConn', within: 'avg', over: 'sum' },
  { column: 'open_sockets', member: 'openSockets', within: 'avg', over: 'sum' },
  { column: 'open_streams', member: 'openStreams', within: 'avg', over: 'sum' },
  { column: 'concurrency_queue_depth', member: 'waiters', within: 'max', over: 'sum' },
  { column: 'waiters', member: 'waiters', within: 'avg', over: 'sum' },
  { column: 'accounts_available', member: 'accountsAvailable', within: 'max', over: 'max', type: 'integer' },
  { column: 'accounts_total', member: 'accountsTotal', within: 'max', over: 'max', type: 'integer' },
]

/** Gauges that are no columns: members of `tags`. */
const TAGS = [
  { member: 'errorsDropped', value: "(sample->>'errorsDropped')::float8", within: 'sum', over: 'sum' },
  { member: 'journalBacklogBytes', value: "(sample->>'journalBacklogBytes')::float8", within: 'max', over: 'sum' },
  { member: 'redisUp', value: "least((sample->>'redisConn')::float8, 1)", within: 'min', over: 'min' },
  { member: 'jobsOverdue', value: "(sample->>'jobsOverdue')::float8", within: 'max', over: 'max' },
] as const

const RATE_COLUMNS = ['success_rate', 'error_rate', 'upstream_error_rate'] as const

/** `$1` = start of the window, `$2` = its minutes. `grouping sets` make the row of all from the very rows of the instances. */
const INSERT = `
  with counted as (
    select * from ops_buckets where bucket >= $1 and bucket < $1 + make_interval(mins => $2::int)),
  measured as (
    select instance_id, ${GAUGES.map(({ column, member, within }) => `${within}((sample->>'${member}')::float8) as ${column}`).join(', ')},
      ${TAGS.map(({ member, value, within }) => `${within}(${value}) as "${member}"`).join(', ')},
      bool_or((sample->>'isDatabaseAway')::boolean or (sample->>'redisConn')::float8 = 0) as is_something_down
    from ops_samples where bucket >= $1 and bucket < $1 + make_interval(mins => $2::int) group by instance_id),
  gauges as (
    select coalesce(instance_id, '*') as instance_id, ${GAUGES.map(({ column, over }) => `${over}(${column}) as ${column}`).join(', ')},
      ${TAGS.map(({ member, over }) => `${over}("${member}") as "${member}"`).join(', ')},
      bool_or(is_something_down) as is_something_down
    from measured group by grouping sets ((instance_id), ())),
  sums as (
    select coalesce(instance_id, '*') as instance_id, ${summed()}, ${summedTimes()}
    from counted where dimension = 'tuple' group by grouping sets ((instance_id), ())),
  people as (
    select coalesce(instance_id, '*') as instance_id, count(distinct user_id)::int as active_users,
      count(distinct key_id)::int as active_keys
    from counted where dimension in ('user', 'key') group by grouping sets ((instance_id), ())),
  bins as (${HISTOGRAMS.map(
    (name) => `
    select coalesce(instance_id, '*') as instance_id, '${name}' as name, key, sum(count)::bigint as count from (
      select instance_id, bin >> 40 as key, bin & ${COUNT_MASK} as count
      from counted cross join lateral unnest(${name}_bins) as bin where dimension = 'tuple') as b
    group by grouping sets ((instance_id, key), (key))`,
  ).join(' union all ')}),
  histograms as (
    select instance_id, ${HISTOGRAMS.map(
      (name) => `array_agg((key << 40) + count order by key) filter (where name = '${name}') as ${name}_bins,
        coalesce(sum(count) filter (where name = '${name}'), 0) as ${name}_count`,
    ).join(', ')}
    from bins group by instance_id),
  named as (select instance_id from gauges union select instance_id from sums),
  joined as (
    select n.instance_id, ${GAUGES.map(({ column }) => `g.${column}`).join(', ')}, g.is_something_down,
      ${TAGS.map(({ member }) => `g."${member}"`).join(', ')},
      s.*, p.active_users, p.active_keys, ${HISTOGRAMS.map((name) => `h.${name}_bins, h.${name}_count`).join(', ')}
    from named n left join gauges g using (instance_id) left join people p using (instance_id)
      left join histograms h using (instance_id)
      cross join lateral (select ${summed('x.')}, ${summedTimes('x.')} from sums x where x.instance_id = n.instance_id) s)
  insert into ops_system_metrics (created_at, window_minutes, instance_id, updated_at,
    request_count, success_count, error_count, ${RATE_COLUMNS.join(', ')}, qps, tps,
    error_4xx_count, error_5xx_count, error_timeout_count, upstream_429_count, upstream_529_count,
    business_limited_count, client_closed_count, token_consumed, token_rate, cost_nano, account_switch_count,
    active_users, active_keys, active_subscriptions, active_alerts,
    ${HISTOGRAMS.flatMap((name) => [...Object.keys(QUANTILES), 'avg', 'max'].map((what) => `${what}_${name}_ms`)).join(', ')},
    ${GAUGES.map(({ column }) => column).join(', ')}, tags)
  select $1, $2, instance_id, now(),
    requests, successes, errors,
    100.0 * successes / nullif(successes + errors, 0), 100.0 * errors / nullif(successes + errors, 0),
    100.0 * failed_attempts / nullif(attempts, 0),
    requests / ($2 * 60.0), (input_tokens + output_tokens) / ($2 * 60.0),
    http_4xx, http_5xx, timeouts, upstream_429, upstream_529, business_limited, client_closed,
    input_tokens + output_tokens, (input_tokens + output_tokens) / ($2 * 60.0), cost_nano, account_switches,
    coalesce(active_users, 0), coalesce(active_keys, 0),
    case when instance_id = '*' then (select count(*) from subscriptions where status = 'active'
      and starts_at <= $1 + make_interval(mins => $2::int) and expires_at > $1) end,
    case when instance_id = '*' then (select count(*) from ops_alert_events
      where fired_at < $1 + make_interval(mins => $2::int) and (resolved_at is null or resolved_at >= $1)) end,
    ${HISTOGRAMS.flatMap((name) => [
      ...Object.values(QUANTILES).map((share) => `bins_quantile(${name}_bins, ${share})`),
      `${name}_sum_us / 1000.0 / nullif(${name}_count, 0)`,
      `case when ${name}_count > 0 then ${name}_max_us / 1000.0 end`,
    ]).join(', ')},
    ${GAUGES.map(({ column, type }) => (type === undefined ? column : `round(${column})::${type}`)).join(', ')},
    jsonb_strip_nulls(jsonb_build_object(${TAGS.map(({ member }) => `'${member}', "${member}"`).join(', ')}, 'resourcePercent', case when is_something_down then 101 else greatest(
      cpu_usage_percent, memory_usage_percent, case when event_loop_delay_p99_ms > 100 then 100 else event_loop_delay_p99_ms end,
      100.0 * disk_used / nullif(disk_total, 0),
      case when db_conn_waiting > 0 then 90 end) end))
  from joined`
