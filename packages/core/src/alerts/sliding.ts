import { addBins, binsOf } from '../ops/histogram.ts'
import type { Reading } from './reading.ts'

/**
 * Readings of single minutes as those of windows that end with each of them: the sums an evaluation makes of a window, made
 * from one minute to the next. A minute of null is one nobody watched; a window of nothing else is null.
 */
export function* sliding(minutes: readonly (Reading | null)[], windowMinutes: number): Generator<Reading | null> {
  const counts = new Map<number, number>()
  let part = 0
  let whole = 0
  let watched = 0
  for (const [at, entering] of minutes.entries()) {
    const leaving = at >= windowMinutes ? (minutes[at - windowMinutes] ?? null) : null
    if (entering !== null) {
      part += entering.part
      whole += entering.whole
      watched += 1
      addBins(counts, entering.bins, 1)
    }
    if (leaving !== null) {
      part -= leaving.part
      whole -= leaving.whole
      watched -= 1
      addBins(counts, leaving.bins, -1)
    }
    if (watched > 0) {
      const window = minutes.slice(Math.max(at - windowMinutes + 1, 0), at + 1)
      const values = window.flatMap((reading) => reading?.values ?? [])
      yield { part, whole, ...extremesOf(window), bins: binsOf(counts), values }
    } else {
      // Sums of fractions do not come back to nothing by themselves.
      part = 0
      whole = 0
      yield null
    }
  }
}

function extremesOf(window: readonly (Reading | null)[]): Pick<Reading, 'max' | 'min'> {
  let max: number | null = null
  let min: number | null = null
  for (const reading of window) {
    if (reading === null) continue
    if (reading.max !== null && (max === null || reading.max > max)) max = reading.max
    if (reading.min !== null && (min === null || reading.min < min)) min = reading.min
  }
  return { max, min }
}
