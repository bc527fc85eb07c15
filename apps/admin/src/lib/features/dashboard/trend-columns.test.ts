import { expect, test } from 'vitest'
import { spanBefore } from './span-before.ts'
import { trendColumns } from './trend-columns.ts'

const point = (second: number, value: number | null) => ({ at: new Date(second * 1000).toISOString(), value })
const read = ({ value }: { value: number | null }) => value

test('a moment without data stays a gap', () => {
  expect(trendColumns([point(10, 1), point(20, null), point(30, 3)], [read])).toEqual([
    [10, 20, 30],
    [1, null, 3],
  ])
})

test('the period before lies under the moments it is compared with, end to end', () => {
  const now = [point(100, 1), point(110, 2)]
  expect(trendColumns(now, [read], [point(70, 7), point(80, 8), point(90, 9)], [read])[2]).toEqual([8, 9])
  expect(trendColumns(now, [read], [point(90, 9)], [read])[2]).toEqual([null, 9])
  expect(trendColumns(now, [read], [], [read])[2]).toEqual([null, null])
})

test('the period before ends where this one begins, and is as long', () => {
  expect(spanBefore({ from: '2026-01-02T00:00:00.000Z', to: '2026-01-02T01:00:00.000Z' })).toEqual({
    from: '2026-01-01T23:00:00.000Z',
    to: '2026-01-02T00:00:00.000Z',
  })
})
