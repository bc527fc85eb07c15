import type { ISql } from 'postgres'
import { attachPartition, type Day, makePartition } from './scaled-rows.ts'

const STEP_S = { bucket: 10, minute: 60, hour: 3_600, day: 86_400 } as const
type Step = keyof typeof STEP_S

/** What is told apart in a step, of 10 M requests in 90 days: 77 a minute. */
const TUPLES: Record<Step, number> = { bucket: 10, minute: 24, hour: 24, day: 24 }
const PEOPLE: Record<Step, number> = { bucket: 10, minute: 20, hour: 150, day: 200 }
const CODES = 4

/** Requests behind the times of one row, by step: of a tuple, and of all. */
export const BIN_COUNTS = {
  bucket: 1,
  bucket_all: 13,
  minute: 3,
  minute_all: 77,
  hour: 193,
  hour_all: 4_630,
  day: 4_630,
  day_all: 111_000,
}

/** Of each a column of times around a second, and one of what the gateway takes. */
export function binColumns(): string {
  return Object.keys(BIN_COUNTS)
    .map((name) => `${name}_times bigint[] not null, ${name}_small bigint[] not null`)
    .join(', ')
}

export interface Kept {
  hasMinutes: boolean
  hasBuckets: boolean
}

/** Buckets, minutes and hours of a day, and what was measured in its minutes. */
export async function countsOfDay(sql: ISql, day: Day, { hasMinutes, hasBuckets }: Kept): Promise<void> {
  if (hasBuckets) {
    const name = await makePartition(sql, 'ops_buckets', day)
    await insertCounts(sql, name, 'bucket', day)
    await attachPartition(sql, 'ops_buckets', day)
    await insertSamples(sql, day)
  }
  if (hasMinutes) {
    const name = await makePartition(sql, 'ops_dimension_stats', day)
    await insertCounts(sql, name, 'minute', day)
    await attachPartition(sql, 'ops_dimension_stats', day)
    const metrics = await makePartition(sql, 'ops_system_metrics', day)
    await insertSystemMetrics(sql, metrics, day)
    await attachPartition(sql, 'ops_system_metrics', day)
  }
  await insertCounts(sql, 'ops_dimension_stats_hourly', 'hour', day)
}

export function dailyCounts(sql: ISql, span: Day): Promise<unknown> {
  return insertCounts(sql, 'ops_dimension_stats_daily', 'day', span)
}

async function insertCounts(sql: ISql, table: string, step: Step, { startMs, endMs }: Day): Promise<void> {
  const steps = Math.floor((endMs - startMs) / 1000 / STEP_S[step])
  const isBucket = step === 'bucket'
  const timed = (bins: string) =>
    `case kind when 'tuple' then ${step}${bins} when 'all' then ${step}_all${bins} else '{}' end`
  await sql.unsafe(`
    insert into ${table} (bucket, ${isBucket ? 'instance_id, boot_id, ' : ''}dimension, tuple, is_other, provider, group_id,
      account_id, model, endpoint, user_id, key_id, code, requests, successes, errors, client_errors, business_limited,
      client_closed, http_4xx, http_5xx, timeouts, upstream_429, upstream_529, attempts, failed_attempts, account_switches,
      input_tokens, cached_input_tokens, output_tokens, cost_nano, billed_nano, latency_sum_us, latency_max_us, latency_bins,
      ttft_sum_us, ttft_max_us, ttft_bins, gateway_sum_us, gateway_max_us, gateway_bins)
    select to_timestamp(${startMs / 1000} + s * ${STEP_S[step]}),
      ${isBucket ? "'i-1', '00000000-0000-4000-8000-000000000001', " : ''}kind, kind || ':' || n, false,
      case when kind in ('tuple', 'error') then 'openai' end, case when kind in ('tuple', 'error') then 1 + n % 3 end,
      case when kind in ('tuple', 'error') then 1 + n % 8 end, case when kind in ('tuple', 'error') then 'model-' || n % 6 end,
      case when kind in ('tuple', 'error') then '/v1/chat/completions' end, case when kind = 'user' then 1 + (n + s) % 200 end,
      case when kind = 'key' then 1 + (n + s) % 500 end,
      case when kind = 'error' then (array['upstream_failed', 'queue_full', 'upstream_timeout', 'internal_error'])[1 + n % 4] end,
      6, 5, 1, 0, 0, 0, 0, 1, 0, 0, 0, 6, 1, 0, 3000, 100, 2000, 300000, 300000,
      900000, 2600000, ${timed('_times')}, 400000, 2600000, ${timed('_times')}, 400, 900, ${timed('_small')}
    from generate_series(0, ${steps - 1}) as s
    cross join (
      select 'tuple' as kind, n from generate_series(0, ${TUPLES[step] - 1}) as n
      union all select 'all', 0
      union all select 'error', n from generate_series(0, ${CODES - 1}) as n
      union all select 'user', n from generate_series(0, ${PEOPLE[step] - 1}) as n
      union all select 'key', n from generate_series(0, ${PEOPLE[step] - 1}) as n) as kinds (kind, n)
    join bench_bins on variant = (s + kinds.n) % 16`)
}

/** What the one instance measured of itself. */
async function insertSamples(sql: ISql, { startMs, endMs }: Day): Promise<void> {
  await sql.unsafe(`
    insert into ops_samples (bucket, instance_id, boot_id, sample)
    select to_timestamp(${startMs / 1000} + s * 10), 'i-1', '00000000-0000-4000-8000-000000000001', '{}'::jsonb
    from generate_series(0, ${Math.floor((endMs - startMs) / 10_000) - 1}) as s`)
}

/** Times of a window are around those of the histograms; only whether they are there matters. */
async function insertSystemMetrics(sql: ISql, table: string, { startMs, endMs }: Day): Promise<void> {
  const times = ['latency', 'ttft', 'gateway'].flatMap((name) => ['p50', 'p95', 'p99'].map((p) => `${p}_${name}_ms`))
  await sql.unsafe(`
    insert into ${table} (created_at, window_minutes, instance_id, request_count, success_count, error_count, qps, tps,
      error_4xx_count, error_5xx_count, error_timeout_count, upstream_429_count, upstream_529_count, business_limited_count,
      client_closed_count, token_consumed, token_rate, cost_nano, active_users, active_keys, account_switch_count, ${times.join(', ')})
    select to_timestamp(${startMs / 1000} + m * 60), w, i, 144 * w, 120 * w, 24 * w, 2.4, 2000, 0, 24, 0, 0, 0, 0, 0, 120000 * w,
      2000, 7200000 * w, 20, 20, 0, ${times.map(() => '900').join(', ')}
    from generate_series(0, ${Math.floor((endMs - startMs) / 60_000) - 1}) as m, unnest(array[1, 5]) as w,
      unnest(array['*', 'i-1']) as i
    where m % w = 0`)
}
