import { expect, test } from 'vitest'
import { tableCsv } from './table-csv.ts'

const columns = [
  { id: 'name', header: 'Name', value: ({ name }: Row) => name },
  { id: 'load', header: 'Load, %', value: ({ load }: Row) => load },
  { id: 'actions', header: 'Actions' },
]

interface Row {
  name: string
  load: number | null
}

test('what has a value is a column; what is not known is empty', () => {
  const rows = [
    { name: 'a', load: 1.5 },
    { name: 'b', load: null },
  ]
  expect(tableCsv(rows, columns)).toBe('Name,"Load, %"\r\na,1.5\r\nb,\r\n')
})

test.each([
  ['say "hi"', '"say ""hi"""'],
  ['two\nlines', '"two\nlines"'],
  ['=1+1', "'=1+1"],
  ['@cmd', "'@cmd"],
  ['-a,b', '"\'-a,b"'],
])('%j is written as %s', (name, cell) => {
  expect(tableCsv([{ name, load: null }], columns).split('\r\n')[1]).toBe(`${cell},`)
})

test('a negative number is a number', () => {
  expect(tableCsv([{ name: 'a', load: -3 }], columns)).toContain('a,-3')
})
