import type { AlertMetric } from '@turnpike/core/alerts/metrics'
import type { Reading } from '@turnpike/core/alerts/reading'
import type { Span } from '@turnpike/core/ops/window'
import type { Sql } from 'postgres'

/** What instances measured of themselves in a span; metrics nobody measured are not there. */
export interface SampleReadings {
  /** Whether anybody was there to measure. */
  isWatched: boolean
  all: ReadonlyMap<AlertMetric, Reading>
  /** Accounts of each group, by its id. */
  groups: ReadonlyMap<string, ReadonlyMap<AlertMetric, Reading>>
}

/** How a measurement of ten seconds is told over all instances: the worst of them, or all together. */
const GAUGES = [
  ['cpu_usage_percent', "max((sample->>'cpuUsagePercent')::float8)"],
  ['memory_usage_percent', "max((sample->>'memoryUsagePercent')::float8)"],
  ['disk_usage_percent', "max(100 * (sample->>'diskUsed')::float8 / nullif((sample->>'diskTotal')::float8, 0))"],
  ['event_loop_delay_ms', "max((sample->>'eventLoopDelayP99Ms')::float8)"],
  ['errors_dropped', "sum((sample->>'errorsDropped')::float8)"],
  ['concurrency_queue_depth', "sum((sample->>'waiters')::float8)"],
  ['waiters', "sum((sample->>'waiters')::float8)"],
  ['accounts_available', "max((sample->>'accountsAvailable')::float8)"],
  ['db_conn_waiting', "sum((sample->>'dbConnWaiting')::float8)"],
  ['redis_up', "min(least((sample->>'redisConn')::float8, 1))"],
  ['journal_backlog', "sum((sample->>'journalBacklogBytes')::float8)"],
  ['job_overdue', "max((sample->>'jobsOverdue')::float8)"],
] as const satisfies readonly (readonly [AlertMetric, string])[]

const INSTANTS = GAUGES.map(([metric, expression]) => `${expression} as ${metric}`).join(', ')
const NAMES = GAUGES.map(([metric]) => metric)

interface GaugeRow {
  metric: AlertMetric
  groupId: string | null
  part: number
  whole: number
  max: number
  min: number
  values: number[] | null
}

/** One look at the samples of a span, for every metric made of them. */
export async function readSamples(sql: Sql, { fromMs, toMs }: Span): Promise<SampleReadings> {
  const rows = await sql<GaugeRow[]>`
    with samples as (
      select bucket, sample from ops_samples where bucket >= ${new Date(fromMs)} and bucket < ${new Date(toMs)}),
    instants as (
      select bucket, ${sql.unsafe(INSTANTS)},
        max((sample->>'accountsTotal')::float8) as accounts_total
      from samples group by bucket),
    gauges as (
      select g.metric, null::text as group_id, g.value, null::float8 as total, bucket
      from instants cross join lateral (values ${sql.unsafe(NAMES.map((name) => `('${name}', ${name})`).join(', '))})
        as g (metric, value)
      union all
      select 'accounts_available_ratio', null, accounts_available, accounts_total, bucket from instants
      union all
      select m.metric, g.key, max((g.value->>0)::float8),
        case when m.metric = 'accounts_available_ratio' then max((g.value->>1)::float8) end, bucket
      from samples cross join lateral jsonb_each(coalesce(sample->'accountsByGroup', '{}')) as g
        cross join (values ('accounts_available'), ('accounts_available_ratio')) as m (metric)
      group by m.metric, g.key, bucket)
    select metric, group_id as "groupId", sum(value)::float8 as part,
      case when metric = 'accounts_available_ratio' then sum(total) else count(*) end::float8 as whole,
      max(value)::float8 as max, min(value)::float8 as min,
      array_agg(value) filter (where metric = 'event_loop_delay_ms') as values
    from gauges where value is not null group by metric, group_id`
  const all = new Map<AlertMetric, Reading>()
  const groups = new Map<string, Map<AlertMetric, Reading>>()
  for (const row of rows) {
    const readings = row.groupId === null ? all : (groups.get(row.groupId) ?? new Map<AlertMetric, Reading>())
    readings.set(row.metric, toReading(row))
    if (row.groupId !== null) groups.set(row.groupId, readings)
  }
  return { isWatched: all.size > 0, all, groups }
}

function toReading({ part, whole, max, min, values }: GaugeRow): Reading {
  return { part, whole, max, min, bins: [], values: values ?? [] }
}
