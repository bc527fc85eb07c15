import { expect, test } from 'vitest'
import { minutesOf, PLAIN } from './__fixtures__/play.ts'
import { backtest } from './backtest.ts'

const MINUTE_MS = 60_000

function past(series: string, rule: Partial<typeof PLAIN>) {
  const points = minutesOf(series).map((value, minute) => [minute * MINUTE_MS, value ?? null] as const)
  return backtest(points, { ...PLAIN, ...rule }).map(({ firedMs, resolvedMs, peak, minutes }) => [
    firedMs / MINUTE_MS,
    resolvedMs === null ? null : resolvedMs / MINUTE_MS,
    peak,
    minutes,
  ])
}

test.each([
  ['1 1 1', {}, []],
  ['', {}, []],
  ['1 9 12 1', {}, [[1, 3, 12, 2]]],
  [
    '9 1 9',
    {},
    [
      [0, 1, 9, 1],
      [2, null, 9, 0],
    ],
  ],
  ['9*10', { forMinutes: 5 }, [[5, null, 9, 4]]],
  ['9*6 1*3', { forMinutes: 5, keepFiringMinutes: 2 }, [[5, 8, 9, 3]]],
  ['9 - - 1', { noData: 'keep' as const }, [[0, 3, 9, 3]]],
  ['9 -', { noData: 'resolve' as const }, [[0, 1, 9, 1]]],
  ['4 2 6', { operator: '<' as const }, [[0, 2, 2, 2]]],
])('%s %o would have been %j', (series, rule, episodes) => {
  expect(series === '' ? backtest([], PLAIN) : past(series, rule)).toEqual(episodes)
})
