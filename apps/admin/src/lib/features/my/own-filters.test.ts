import { expect, test } from 'vitest'
import { isFiltered, readOwnFilters, toListInput } from './own-filters.ts'

const NOW = Date.parse('2026-03-05T12:00:00Z')

function read(search: string) {
  return readOwnFilters(new URLSearchParams(search))
}

test('an address without filters asks for the last 24 hours', () => {
  expect(toListInput(read(''), NOW)).toEqual({ from: '2026-03-04T12:00:00.000Z' })
  expect(isFiltered(read('range=7d'))).toBe(false)
})

test('every filter goes to the server, and none that names other people', () => {
  const filters = read('user=1&key=2&group=3&account=4&model=gpt-4o&outcome=failed&range=1h')
  expect(toListInput(filters, NOW)).toEqual({
    from: '2026-03-05T11:00:00.000Z',
    keyId: 2,
    groupId: 3,
    model: 'gpt-4o',
    outcome: 'failed',
  })
  expect(isFiltered(filters)).toBe(true)
})

test('a range of one’s own is taken as given, open ends too; its bounds do not count with another', () => {
  const input = toListInput(read('range=custom&from=2026-03-01T00:00:00Z'), NOW)
  expect(input).toEqual({ from: '2026-03-01T00:00:00.000Z' })
  expect(toListInput(read('range=1h&from=2020-01-01T00:00:00Z'), NOW).from).toBe('2026-03-05T11:00:00.000Z')
})
