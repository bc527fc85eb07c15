import { expect, test } from 'vitest'
import { nearIndexes, withGaps } from './row-window.ts'

test('rows that must stay are drawn in their place, once, and only if there are such rows', () => {
  expect(nearIndexes([4, 5, 6], [9, 1, 5, -1, 10], 10)).toEqual([1, 4, 5, 6, 9])
})

test('what is not drawn leaves its room: above, between and below', () => {
  const items = [1, 4, 5].map((index) => ({ index, start: 100 + index * 40, end: 140 + index * 40 }))
  expect(withGaps(items, 100, 400)).toEqual({
    rows: [
      { index: 1, gapPx: 40 },
      { index: 4, gapPx: 80 },
      { index: 5, gapPx: 0 },
    ],
    belowPx: 160,
  })
})

test('without a row there is room alone', () => {
  expect(withGaps([], 100, 400)).toEqual({ rows: [], belowPx: 400 })
})
