import fc from 'fast-check'
import { expect, test } from 'vitest'
import { boundsOf, countOfBins, createHistogram, mergeBins, quantileOf, RELATIVE_ACCURACY } from './histogram.ts'
import { nearestRank } from './nearest-rank.ts'

const durations = fc.array(fc.double({ min: 0, max: 3_600_000, noNaN: true }), { maxLength: 300 })

function recorded(values: readonly number[]) {
  const histogram = createHistogram()
  for (const value of values) histogram.record(value)
  return histogram
}

test('a percentile is the nearest rank’s value, within the accuracy', () => {
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.95, 0.99, 0.999, 1), (values, share) => {
      const inUs = values.map((value) => Math.round(value * 1000) / 1000).toSorted((a, b) => a - b)
      const exact = nearestRank(inUs, share)
      const told = quantileOf(recorded(values).bins(), share)
      if (exact === null) expect(told).toBeNull()
      else expect(Math.abs((told ?? Number.NaN) - exact)).toBeLessThanOrEqual(exact * RELATIVE_ACCURACY * 1.0001)
    }),
  )
})

test('merged in whatever order and grouping, bins are those of one histogram that recorded all', () => {
  fc.assert(
    fc.property(durations, durations, durations, (a, b, c) => {
      const [x, y, z] = [a, b, c].map((values) => recorded(values).bins())
      const all = recorded([...a, ...b, ...c]).bins()
      expect(mergeBins([x ?? [], mergeBins([y ?? [], z ?? []])])).toEqual(all)
      expect(mergeBins([z ?? [], y ?? [], x ?? []])).toEqual(all)
      expect(countOfBins(all)).toBe(a.length + b.length + c.length)
    }),
  )
})

test('count, sum and maximum are exact to the microsecond; bins are safe integers', () => {
  const histogram = recorded([0, 0.0004, 0.1, 0.2, 1234.5678, 86_400_000])
  expect(histogram.count).toBe(6)
  expect(histogram.sumUs).toBe(100 + 200 + 1_234_568 + 86_400_000_000)
  expect(histogram.maxUs).toBe(86_400_000_000)
  expect(histogram.bins().every(Number.isSafeInteger)).toBe(true)
  expect(quantileOf(histogram.bins(), 0)).toBe(0)
})

test('what was recorded lies within the bounds of its bin', () => {
  const [bin = 0] = recorded([42]).bins()
  const { fromMs, toMs, count } = boundsOf(bin)
  expect(count).toBe(1)
  expect(fromMs).toBeLessThan(42)
  expect(toMs).toBeGreaterThanOrEqual(42)
})
