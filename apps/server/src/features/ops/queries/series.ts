import type { OpsWindow } from '@turnpike/core/inputs/ops'
import { type Span, STEP_MS, type Step } from '@turnpike/core/ops/window'
import { summed } from '@turnpike/db'
import type { Sql } from 'postgres'
import { type SumsRow, statisticsColumns, statisticsOf, type Totals, toTotals } from './numbers.ts'
import { dimensionOf, sourceOf } from './source.ts'

export interface Point {
  /** When it begins. */
  at: string
  /** Null = nobody was there to count: no data, which is not the same as no requests. */
  totals: Totals | null
}

export interface Series {
  from: string
  to: string
  stepSeconds: number
  points: Point[]
}

/** How a span is cut: so that there are enough points to see and not too many to draw. */
const CUTS: readonly { untilMs: number; stepMs: number; coarsest: Step }[] = [
  { untilMs: STEP_MS.hour, stepMs: 10_000, coarsest: 'bucket' },
  { untilMs: 6 * STEP_MS.hour, stepMs: STEP_MS.minute, coarsest: 'minute' },
  { untilMs: STEP_MS.day, stepMs: 5 * STEP_MS.minute, coarsest: 'minute' },
  { untilMs: 8 * STEP_MS.day, stepMs: STEP_MS.hour, coarsest: 'hour' },
  { untilMs: Number.POSITIVE_INFINITY, stepMs: STEP_MS.day, coarsest: 'day' },
]
/** Ten-second rows are kept for two days, so what is older is cut more coarsely whatever its length. */
const FINE_ROWS_MS = 2 * STEP_MS.day
/** A moment is known to have been watched by its minute; the last ones have none yet. */
const NEWEST_MS = 15 * STEP_MS.minute

interface SeriesOptions {
  nowMs: number
  /** False = counts alone, which cost next to nothing. */
  hasTimes: boolean
}

/** What requests came to in each step of a span, oldest first. The first and last step are cut off where the span is. */
export async function seriesOf(
  sql: Sql,
  span: Span,
  filters: OpsWindow,
  { nowMs, hasTimes }: SeriesOptions,
): Promise<Series> {
  const { stepMs, coarsest } = cutOf(span, nowMs)
  const [rows, watched] = await Promise.all([
    rowsOf(sql, span, filters, { stepMs, coarsest, hasTimes }),
    watchedSteps(sql, span, stepMs),
  ])
  const byStart = new Map(rows.map((row) => [row.at.getTime(), row]))
  const points: Point[] = []
  for (let atMs = Math.floor(span.fromMs / stepMs) * stepMs; atMs < span.toMs; atMs += stepMs) {
    const row = byStart.get(atMs)
    const isKnown = row !== undefined || watched.has(atMs)
    points.push({ at: new Date(atMs).toISOString(), totals: isKnown ? toTotals(row) : null })
  }
  return {
    from: new Date(span.fromMs).toISOString(),
    to: new Date(span.toMs).toISOString(),
    stepSeconds: stepMs / 1000,
    points,
  }
}

function cutOf({ fromMs, toMs }: Span, nowMs: number): { stepMs: number; coarsest: Step } {
  const isOld = fromMs < nowMs - FINE_ROWS_MS
  const cut = CUTS.find(({ untilMs, coarsest }) => toMs - fromMs <= untilMs && !(isOld && coarsest === 'bucket'))
  return cut ?? { stepMs: STEP_MS.day, coarsest: 'day' }
}

type PointRow = SumsRow & { at: Date }

interface RowsOptions extends Pick<SeriesOptions, 'hasTimes'> {
  stepMs: number
  coarsest: Step
}

async function rowsOf(
  sql: Sql,
  span: Span,
  filters: OpsWindow,
  { stepMs, coarsest, hasTimes }: RowsOptions,
): Promise<PointRow[]> {
  const source = await sourceOf(sql, span, filters, { dimension: dimensionOf(filters), coarsest })
  const step = `date_bin('${stepMs} milliseconds', source.bucket, 'epoch')`
  if (!hasTimes) {
    return sql<PointRow[]>`
      select ${sql.unsafe(step)} as at, ${sql.unsafe(summed())} from (${source.rows}) as source group by 1 order by 1`
  }
  return sql<PointRow[]>`
    with source as (${source.rows}), ${statisticsOf(sql, step)}
    select s.k as at, ${statisticsColumns(sql, ['p50', 'p95', 'p99'])} from sums s left join histograms h using (k) order by s.k`
}

/** Steps in which some instance was there to count. */
async function watchedSteps(sql: Sql, { fromMs, toMs }: Span, stepMs: number): Promise<Set<number>> {
  const step = `${stepMs} milliseconds`
  const rows = await sql<{ at: Date }[]>`
    select distinct date_bin(${step}::interval, created_at, 'epoch') as at
    from ops_system_metrics
    where window_minutes = 1 and instance_id = '*' and created_at > ${new Date(fromMs - STEP_MS.minute)} and created_at < ${new Date(toMs)}
    union
    select distinct date_bin(${step}::interval, bucket, 'epoch') from ops_samples
    where bucket >= ${new Date(Math.max(fromMs, toMs - NEWEST_MS))} and bucket < ${new Date(toMs)}`
  const watched = new Set(rows.map(({ at }) => at.getTime()))
  // A minute that was watched was so in each of its steps, as far as is known.
  if (stepMs < STEP_MS.minute) {
    for (const { at } of rows) {
      if (at.getTime() % STEP_MS.minute !== 0) continue
      for (let atMs = at.getTime(); atMs < at.getTime() + STEP_MS.minute; atMs += stepMs) {
        if (atMs < toMs - NEWEST_MS) watched.add(atMs)
      }
    }
  }
  return watched
}
