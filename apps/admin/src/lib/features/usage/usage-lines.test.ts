import { expect, test } from 'vitest'
import { biggestLines, type Lines, lineColumns, type Totals } from './usage-lines.ts'

const NOTHING: Totals = {
  requests: 0,
  errors: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  cost: '0',
  costNano: '0',
  billed: '0',
  billedNano: '0',
}
const TIMES = ['2026-03-01T00:00:00.000Z', '2026-03-02T00:00:00.000Z']

function line(id: number | string, ...totals: Partial<Totals>[]): Lines['series'][number] {
  return { id, label: String(id), points: totals.map((some, at) => ({ ...NOTHING, ...some, at: TIMES[at] ?? '' })) }
}

test('the biggest by the measure have lines, the lumped rest has none', () => {
  const series = [
    line(1, { billed: '1', requests: 9 }),
    line(2, { billed: '4', requests: 1 }),
    line(3, { billed: '2', requests: 2 }),
    line(4, { billed: '3', requests: 3 }),
    line('other', { billed: '100', requests: 100 }),
  ]
  expect(biggestLines({ series }, 'billed').map(({ id }) => id)).toEqual([2, 4, 3])
  expect(biggestLines({ series }, 'requests').map(({ id }) => id)).toEqual([1, 4, 3])
})

test('the total is of all lines, the period before lies under it by its place', () => {
  const now = { series: [line(1, { billed: '1' }, { billed: '2' }), line('other', { billed: '0.5' }, {})] }
  const before = { series: [line('', { billed: '7' }, { billed: '8' })] }
  const [first] = now.series
  expect(lineColumns(now, first ? [first] : [], before, 'billed')).toEqual([
    TIMES.map((at) => Date.parse(at) / 1000),
    [1.5, 2],
    [1, 2],
    [7, 8],
  ])
})

test('what had no price is no cost of 0: it is not known', () => {
  const now = { series: [line(1, { requests: 1, cost: null, costNano: null }, { cost: '2' })] }
  const before = { series: [line(1, { requests: 1, cost: null, costNano: null })] }
  expect(lineColumns(now, [], before, 'cost')).toEqual([expect.any(Array), [null, 2], [null, null]])
})

test('tokens are those of the input and the output', () => {
  const now = { series: [line(1, { inputTokens: 10, cachedInputTokens: 4, outputTokens: 3 }, {})] }
  expect(lineColumns(now, [], now, 'tokens')[1]).toEqual([13, 0])
})

test('a period without any group was one in which nothing was used', () => {
  const now = { series: [line(1, { billed: '1' }, { billed: '2' })] }
  expect(lineColumns(now, [], { series: [] }, 'billed').at(-1)).toEqual([0, 0])
})
