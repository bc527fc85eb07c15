import { describe, expect, test } from 'vitest'
import { sortRows } from './sort-rows.ts'
import { nextSort, parseSort, printSort } from './table-model.ts'

const columns = [
  { id: 'name', value: (row: Row) => row.name },
  { id: 'load', value: (row: Row) => row.load },
  { id: 'actions' },
]

interface Row {
  name: string
  load: number | null
}

const rows: Row[] = [
  { name: 'b10', load: 3 },
  { name: 'B9', load: null },
  { name: 'a', load: 20 },
]

function names(sort: Parameters<typeof sortRows>[2]) {
  return sortRows(rows, columns, sort, 'en').map(({ name }) => name)
}

test('without a sort the rows stay as they came', () => {
  expect(names(null)).toEqual(['b10', 'B9', 'a'])
})

test('text sorts as people read it, whatever its case', () => {
  expect(names({ id: 'name', isDescending: false })).toEqual(['a', 'B9', 'b10'])
})

test('numbers sort as numbers, and what is unknown comes last in both directions', () => {
  expect(names({ id: 'load', isDescending: false })).toEqual(['b10', 'a', 'B9'])
  expect(names({ id: 'load', isDescending: true })).toEqual(['a', 'b10', 'B9'])
})

test('the list that was given is left as it is', () => {
  names({ id: 'name', isDescending: false })
  expect(rows.map(({ name }) => name)).toEqual(['b10', 'B9', 'a'])
})

describe('a sort in the address', () => {
  test.each([
    ['name', { id: 'name', isDescending: false }],
    ['-load', { id: 'load', isDescending: true }],
    ['actions', null],
    ['nobody', null],
    ['', null],
    [null, null],
  ])('%j is %j', (text, sort) => expect(parseSort(text, columns)).toEqual(sort))

  test('is written as it is read', () => {
    expect(printSort(parseSort('-load', columns))).toBe('-load')
    expect(printSort(null)).toBeNull()
  })

  test('goes up, down and away again', () => {
    const up = nextSort(null, 'name')
    const down = nextSort(up, 'name')
    expect([up?.isDescending, down?.isDescending, nextSort(down, 'name')]).toEqual([false, true, null])
    expect(nextSort(down, 'load')).toEqual({ id: 'load', isDescending: false })
  })
})
