import type { OpsWindow } from '@turnpike/core/inputs/ops'
import { type Span, STEP_MS, type Step } from '@turnpike/core/ops/window'
import { COUNT_COLUMNS, HISTOGRAMS, ROW_COLUMNS, summed } from '@turnpike/db'
import type { Sql } from 'postgres'
import { type RequestTotals, type SumsRow, statisticsOf, toCounts } from './numbers.ts'
import { dimensionOf, sourceOf } from './source.ts'
import { STEP_SHARES, storedTimes } from './stored-times.ts'
import { watchedSteps } from './watched-steps.ts'

/** Percentiles of the times of a step, ms; null = none was measured. */
export interface StepTimes {
  p50: number | null
  p95: number | null
  p99: number | null
}

export interface Point {
  /** When it begins. */
  at: string
  /** Null = nobody was there to count: no data, which is not the same as no requests. */
  totals: (RequestTotals & Record<'latency' | 'ttft' | 'gatewayMs', StepTimes>) | null
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
  const rows = await rowsOf(sql, span, filters, { stepMs, coarsest, hasTimes })
  const byStart = new Map(rows.map((row) => [row.at.getTime(), row]))
  const starts = startsOf(span, stepMs)
  const empty = starts.filter((atMs) => !byStart.has(atMs))
  const watched = await watchedSteps(sql, span, { starts: empty, stepMs })
  const points = starts.map((atMs): Point => {
    const row = byStart.get(atMs)
    const isKnown = row !== undefined || watched.has(atMs)
    return { at: new Date(atMs).toISOString(), totals: isKnown ? totalsOf(row) : null }
  })
  return {
    from: new Date(span.fromMs).toISOString(),
    to: new Date(span.toMs).toISOString(),
    stepSeconds: stepMs / 1000,
    points,
  }
}

function startsOf({ fromMs, toMs }: Span, stepMs: number): number[] {
  const firstMs = Math.floor(fromMs / stepMs) * stepMs
  return Array.from({ length: Math.max(Math.ceil((toMs - firstMs) / stepMs), 0) }, (_, at) => firstMs + at * stepMs)
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
  const dimension = dimensionOf(filters)
  const { rows, segments } = await sourceOf(sql, span, filters, { dimension, coarsest })
  const step = (bucket: string) => sql.unsafe(`date_bin('${stepMs} milliseconds', ${bucket}, 'epoch')`)
  if (!hasTimes) {
    return sql<PointRow[]>`
      select ${step('source.bucket')} as at, ${sql.unsafe(summed())} from (${rows}) as source group by 1 order by 1`
  }
  // What is known of a whole step need not be made again from its bins, which is most of the work.
  return sql<PointRow[]>`
    with counted as (${rows}), stored as (${storedTimes(sql, segments, { stepMs, isOfAll: dimension === 'all' })}),
      source as (
        select counted.bucket, ${sql.unsafe(ROW_COLUMNS.map(unlessStored).join(', '))}
        from counted left join stored on stored.at = ${step('counted.bucket')}),
      ${statisticsOf(sql, `date_bin('${stepMs} milliseconds', source.bucket, 'epoch')`, stepMs < STEP_MS.hour ? 'few' : 'many')}
    select s.k as at, ${sql.unsafe([...Object.keys(COUNT_COLUMNS).map((name) => `s.${name}::text as ${name}`), ...timeColumns()].join(', '))}
    from sums s left join histograms h using (kid) left join stored on stored.at = s.k order by s.k`
}

function unlessStored(column: string): string {
  if (!column.endsWith('_bins')) return `counted.${column}`
  return `case when stored.at is null then counted.${column} else '{}' end as ${column}`
}

function timeColumns(): string[] {
  return HISTOGRAMS.flatMap((name) =>
    STEP_SHARES.map((share) => `coalesce(stored.${share}_${name}_ms, h.${name}_${share}) as ${name}_${share}`),
  )
}

function totalsOf(row: PointRow | undefined): NonNullable<Point['totals']> {
  const times = (name: (typeof HISTOGRAMS)[number]): StepTimes => {
    const [p50 = null, p95 = null, p99 = null] = STEP_SHARES.map((share) => toMs(row?.[`${name}_${share}`]))
    return { p50, p95, p99 }
  }
  return { ...toCounts(row), latency: times('latency'), ttft: times('ttft'), gatewayMs: times('gateway') }
}

function toMs(value: string | number | Date | null | undefined): number | null {
  return value === null || value === undefined ? null : Number(value)
}
