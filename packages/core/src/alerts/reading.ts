import { countOfBins, mergeBins, quantileOf } from '../ops/histogram.ts'
import { nearestRank } from '../ops/nearest-rank.ts'
import type { AlertAggregation } from '../ops/words.ts'

/**
 * What one series came to in a span of time, ready to be aggregated and to be joined with its neighbours. A ratio is
 * `part` of `whole`, a mean `part` over `whole`, a sum `part`; extremes, bins and values serve the other aggregations.
 */
export interface Reading {
  part: number
  whole: number
  max: number | null
  min: number | null
  /** Of a `Histogram`; empty where the metric has none. */
  bins: readonly number[]
  /** Single measurements, where there are so few that they were kept. */
  values: readonly number[]
}

/** Nothing happened, and somebody was there to see it. */
export const NOTHING: Reading = { part: 0, whole: 0, max: null, min: null, bins: [], values: [] }

export function merged(readings: readonly Reading[]): Reading {
  const [only] = readings
  if (readings.length === 1 && only !== undefined) return only
  return {
    part: total(readings, 'part'),
    whole: total(readings, 'whole'),
    max: extreme(readings, 'max'),
    min: extreme(readings, 'min'),
    bins: mergeBins(readings.map(({ bins }) => bins)),
    values: readings.flatMap(({ values }) => values),
  }
}

/** One number of a reading, and how many things it is made of; a null value is no data. */
export function aggregated(
  reading: Reading,
  aggregation: AlertAggregation,
  windowMinutes: number,
): { value: number | null; samples: number } {
  const { part, whole, max, min } = reading
  switch (aggregation) {
    case 'ratio':
      return { value: whole === 0 ? null : (100 * part) / whole, samples: whole }
    case 'avg':
      return { value: whole === 0 ? null : part / whole, samples: whole }
    case 'sum':
    case 'count':
      return { value: part, samples: part }
    case 'rate':
      return { value: part / (windowMinutes * 60), samples: part }
    case 'max':
      return { value: max, samples: whole }
    case 'min':
      return { value: min, samples: whole }
    case 'p50':
    case 'p95':
    case 'p99':
      return percentile(reading, SHARES[aggregation])
  }
}

const SHARES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const

function percentile({ bins, values }: Reading, share: number): { value: number | null; samples: number } {
  if (bins.length > 0) return { value: quantileOf(bins, share), samples: countOfBins(bins) }
  return {
    value: nearestRank(
      values.toSorted((a, b) => a - b),
      share,
    ),
    samples: values.length,
  }
}

function total(readings: readonly Reading[], member: 'part' | 'whole'): number {
  return readings.reduce((sum, reading) => sum + reading[member], 0)
}

function extreme(readings: readonly Reading[], member: 'max' | 'min'): number | null {
  const known = readings.flatMap((reading) => reading[member] ?? [])
  return known.length === 0 ? null : known.reduce((a, b) => (member === 'max' ? Math.max(a, b) : Math.min(a, b)))
}
