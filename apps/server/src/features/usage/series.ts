import type { UsageBucket } from '@turnpike/core/inputs/usage'
import type { UsageGrouping } from '@turnpike/core/words'
import { USAGE_SUMS_OF_SUMS } from '@turnpike/db'
import { AppError } from '../../shared/app-error.ts'
import { labelOf, labelSource, type Sql, type TotalsRow, totalsColumns, type UsageWindow } from './ledger-window.ts'
import { groupId, toTotals, type UsageTotals } from './totals.ts'
import { countedRows, ledgerAlone, type UsageParts } from './usage-parts.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const BUCKET_MS = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS } as const satisfies Record<UsageBucket, number>
const MAX_RANGE_DAYS = 31
const MAX_POINTS = 1_000
/** The dearest have a line of their own; all others share one. */
const MAX_SERIES = 20

/** One bucket; `at` is its begin, a whole minute, hour or day of UTC. */
export interface UsagePoint extends UsageTotals {
  at: string
}

/** One line: `id` is null where the ledger names none, and `other` for what has no line of its own. */
export interface UsageLine {
  id: number | string | null
  label: string
  points: UsagePoint[]
}

export interface UsageLines {
  from: string
  to: string
  bucket: UsageBucket
  series: UsageLine[]
}

export interface SeriesRow extends TotalsRow {
  rank: string
  id: string | null
  label: string | null
  at: Date
}

interface SeriesOptions {
  groupBy: UsageGrouping | null
  bucket: UsageBucket
  parts?: UsageParts
}

/** The bucket to cut a window into; throws `invalid_input` where that would be too long or too many. */
export function bucketFor({ from, to }: UsageWindow, asked: UsageBucket | undefined): UsageBucket {
  const rangeMs = to.getTime() - from.getTime()
  if (rangeMs > MAX_RANGE_DAYS * DAY_MS) {
    throw new AppError('invalid_input', { field: 'from', message: 'A series takes at most 31 days' })
  }
  const bucket = asked ?? (rangeMs <= 6 * HOUR_MS ? 'minute' : rangeMs <= 8 * DAY_MS ? 'hour' : 'day')
  if (bucketStarts({ from, to }, bucket).length > MAX_POINTS) {
    throw new AppError('invalid_input', { field: 'bucket', message: 'A series takes at most 1,000 points' })
  }
  return bucket
}

/** Totals of each bucket with requests, by line: from one reading of the window's parts, none longer than a bucket. */
export function usageSeries(
  sql: Sql,
  window: UsageWindow,
  { groupBy, bucket, parts = ledgerAlone(window) }: SeriesOptions,
) {
  const time = (column: string) => `date_bin('1 ${bucket}', ${column}, timestamptz 'epoch')`
  return sql<SeriesRow[]>`
    with parts as (${countedRows(sql, window, { groupBy, parts, time })}),
    bucketed as (
      select at, ${groupBy ? sql`id` : sql`null::text as id`}, ${sql.unsafe(USAGE_SUMS_OF_SUMS)} from parts group by 1, 2
    ), weighed as (
      select *, sum(cost_nano) over (partition by id) as id_cost, sum(requests) over (partition by id) as id_requests
      from bucketed
    ), ranked as (
      select *, dense_rank() over (order by id_cost desc nulls last, id_requests desc, id) as place from weighed
    ), counted as (
      select least(place, ${MAX_SERIES + 1}) as rank, case when place <= ${MAX_SERIES} then id end as id, at,
        ${sql.unsafe(USAGE_SUMS_OF_SUMS)}
      from ranked
      group by 1, 2, 3
    )
    select counted.rank::text as rank, counted.id, ${labelOf(sql, groupBy)} as label, counted.at, ${totalsColumns(sql)}
    from counted
    ${labelSource(sql, groupBy)}
    order by counted.rank, counted.at`
}

/** Lines whose points are all there, dearest first; ungrouped there is exactly one. */
export function toLines(
  rows: SeriesRow[],
  window: UsageWindow,
  { groupBy, bucket }: { groupBy: UsageGrouping | null; bucket: UsageBucket },
): UsageLine[] {
  const starts = bucketStarts(window, bucket)
  const lines = Map.groupBy(rows, ({ rank }) => Number(rank))
  if (groupBy === null) return [{ id: null, label: '', points: toPoints(starts, rows) }]
  return [...lines].map(([rank, ofLine]) => {
    const points = toPoints(starts, ofLine)
    if (rank > MAX_SERIES) return { id: 'other', label: 'other', points }
    return { id: groupId(ofLine[0]?.id ?? null, groupBy), label: ofLine[0]?.label ?? '', points }
  })
}

function toPoints(startsMs: number[], rows: SeriesRow[]): UsagePoint[] {
  const byStart = new Map(rows.map((row) => [row.at.getTime(), row]))
  return startsMs.map((startMs) => ({ at: new Date(startMs).toISOString(), ...toTotals(byStart.get(startMs)) }))
}

function bucketStarts({ from, to }: UsageWindow, bucket: UsageBucket): number[] {
  const bucketMs = BUCKET_MS[bucket]
  const firstMs = Math.floor(from.getTime() / bucketMs) * bucketMs
  const count = Math.ceil((to.getTime() - firstMs) / bucketMs)
  return Array.from({ length: count }, (_, at) => firstMs + at * bucketMs)
}
