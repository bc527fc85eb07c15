import { expect, test } from 'vitest'
import { MAX_DRAWN, previewColumns } from './preview-chart.ts'

const AT = ['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z', '2026-01-01T00:02:00Z'] as const
const SECOND = Date.UTC(2026, 0, 1) / 1000

test('series share one axis with the threshold; what one of them lacks is a gap', () => {
  const { data } = previewColumns(
    [
      {
        labels: { group: '1' },
        points: [
          [AT[0], 1],
          [AT[2], 9],
        ],
      },
      {
        labels: { group: '2' },
        points: [
          [AT[0], 2],
          [AT[1], null],
        ],
      },
    ],
    5,
  )
  expect(data).toEqual([
    [SECOND, SECOND + 60, SECOND + 120],
    [1, null, 9],
    [2, null, null],
    [5, 5, 5],
  ])
})

test('of many series the highest are drawn', () => {
  const series = Array.from({ length: MAX_DRAWN + 2 }, (_, index) => ({
    labels: { model: String(index) },
    points: [[AT[0], index] as const],
  }))
  const { drawn } = previewColumns(series, 5)
  expect(drawn.map(({ labels }) => labels.model)).toEqual(['5', '4', '3', '2'])
})

test('no series is no line', () => {
  expect(previewColumns([], 5)).toEqual({ drawn: [], data: [[], []] })
})
