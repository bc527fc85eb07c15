import { DDSketch } from '@datadog/sketches-js'

/** The most a value told by a histogram differs from the one that was recorded (ops.md, "From outcome to number"). */
export const RELATIVE_ACCURACY = 0.005
const GAMMA = (1 + RELATIVE_ACCURACY) / (1 - RELATIVE_ACCURACY)
/** A bin is one integer, its key × 2⁴⁰ + how many it holds: the database adds them up and finds percentiles by it. */
const COUNTS = 2 ** 40
/** Key of the bin of zeros: far below that of any duration. */
const ZERO_KEY = -4096

/** How long things took: recorded one by one, told as bins that can be added to others of their kind. */
export interface Histogram {
  count: number
  /** Whole microseconds, so that sums are the same in whatever order they are made. */
  sumUs: number
  maxUs: number
  record(ms: number): void
  /** Ascending by key; the integers are safe ones. */
  bins(): number[]
}

export function createHistogram(): Histogram {
  const sketch = new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY })
  return {
    count: 0,
    sumUs: 0,
    maxUs: 0,
    record(ms) {
      const us = Math.max(Math.round(ms * 1000), 0)
      this.count += 1
      this.sumUs += us
      if (us > this.maxUs) this.maxUs = us
      sketch.accept(us / 1000)
    },
    bins() {
      const { bins, offset } = sketch.store
      const zeros = sketch.zeroCount > 0 ? [ZERO_KEY * COUNTS + sketch.zeroCount] : []
      return zeros.concat(bins.flatMap((count, index) => (count > 0 ? [(index + offset) * COUNTS + count] : [])))
    },
  }
}

/** Bins of several histograms as those of one. */
export function mergeBins(histograms: Iterable<readonly number[]>): number[] {
  const counts = new Map<number, number>()
  for (const bins of histograms) addBins(counts, bins, 1)
  return binsOf(counts)
}

/** Adds bins to counts by key, or (`times` −1) takes them away again; what comes to nothing goes. */
export function addBins(counts: Map<number, number>, bins: readonly number[], times: 1 | -1): void {
  for (const bin of bins) {
    const key = keyOf(bin)
    const count = (counts.get(key) ?? 0) + times * countOf(bin)
    if (count === 0) counts.delete(key)
    else counts.set(key, count)
  }
}

export function binsOf(counts: ReadonlyMap<number, number>): number[] {
  return [...counts].toSorted(([a], [b]) => a - b).map(([key, count]) => key * COUNTS + count)
}

/**
 * The value of which at least ⌈share × n⌉ values are at or below, in ms; null where there is none. The database's
 * `bins_quantile` is the same function.
 */
export function quantileOf(bins: readonly number[], share: number): number | null {
  const rank = Math.max(Math.ceil(share * countOfBins(bins)), 1)
  let seen = 0
  for (const bin of bins) {
    seen += countOf(bin)
    if (seen >= rank) return middleOf(keyOf(bin))
  }
  return null
}

export function countOfBins(bins: readonly number[]): number {
  return bins.reduce((sum, bin) => sum + countOf(bin), 0)
}

/** The values a bin stands for reach from above `fromMs` to `toMs`. */
export function boundsOf(bin: number): { fromMs: number; toMs: number; count: number } {
  const key = keyOf(bin)
  const count = countOf(bin)
  return key === ZERO_KEY ? { fromMs: 0, toMs: 0, count } : { fromMs: GAMMA ** (key - 1), toMs: GAMMA ** key, count }
}

function keyOf(bin: number): number {
  return Math.floor(bin / COUNTS)
}

function countOf(bin: number): number {
  return bin - keyOf(bin) * COUNTS
}

function middleOf(key: number): number {
  return key === ZERO_KEY ? 0 : (GAMMA ** key * 2) / (1 + GAMMA)
}
