import type { RouterOutputs } from '@turnpike/client'
import type { Measure } from './usage-filters.ts'

export type Lines = Pick<RouterOutputs['usage']['series'], 'series'>
export type Totals = Omit<RouterOutputs['usage']['series']['series'][number]['points'][number], 'at'>
type Line = Lines['series'][number]
type Reading = number | null

/** How many groups have a line of their own beside the total. */
const SHOWN = 3

const READERS = {
  billed: ({ billed }) => Number(billed),
  cost: ({ cost }) => (cost === null ? null : Number(cost)),
  tokens: ({ inputTokens, outputTokens }) => inputTokens + outputTokens,
  requests: ({ requests }) => requests,
} satisfies Record<Measure, (totals: Totals) => Reading>

export function readMeasure(totals: Totals, measure: Measure): Reading {
  return READERS[measure](totals)
}

/** The biggest groups by a measure, biggest first; what the server has lumped together is none of them. */
export function biggestLines({ series }: Lines, measure: Measure): Line[] {
  return series
    .filter(({ id }) => id !== 'other')
    .map((line) => ({ line, size: sum(line.points.map((point) => readMeasure(point, measure))) ?? 0 }))
    .sort((a, b) => b.size - a.size)
    .slice(0, SHOWN)
    .map(({ line }) => line)
}

/**
 * Columns of a chart: epoch seconds, the total, then `shown` lines, then the total of the period before under the moments it
 * is compared with. Null = nothing is known; where the period before has no line at all, nothing was used in it.
 */
export function lineColumns(now: Lines, shown: readonly Line[], before: Lines, measure: Measure): Reading[][] {
  const points = now.series[0]?.points ?? []
  const previous = totalsOf(before, measure)
  return [
    points.map(({ at }) => Date.parse(at) / 1000),
    totalsOf(now, measure),
    ...shown.map((line) => line.points.map((point) => readMeasure(point, measure))),
    points.map((_, index) => (before.series.length === 0 ? 0 : (previous[index] ?? null))),
  ]
}

function totalsOf({ series }: Lines, measure: Measure): Reading[] {
  const [first] = series
  return (first?.points ?? []).map((_, index) =>
    sum(
      series.map(({ points }) => {
        const point = points[index]
        return point === undefined ? null : readMeasure(point, measure)
      }),
    ),
  )
}

/** Null only where nothing is known. */
function sum(readings: readonly Reading[]): Reading {
  return readings.reduce((total, reading) => (reading === null ? total : (total ?? 0) + reading), null)
}
