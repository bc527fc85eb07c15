import { usageList } from '@turnpike/core/inputs/usage'
import { expect, test } from 'vitest'
import { isFiltered, readRequestFilters, readRequestId, toListInput } from './request-filters.ts'

const NOW = Date.parse('2026-03-05T12:00:00Z')
const ID = '0195f3a2-7c1e-7d10-9c58-0123456789ab'

function read(search: string) {
  return readRequestFilters(new URLSearchParams(search))
}

test('an address without filters asks for the last 24 hours', () => {
  expect(toListInput(read(''), NOW)).toEqual({ from: '2026-03-04T12:00:00.000Z', limit: 50 })
  expect(isFiltered(read('range=7d&cursor=x'))).toBe(false)
})

test('every filter goes to the server', () => {
  const filters = read(`user=1&key=2&group=3&account=4&model=gpt-4o&outcome=failed&request=${ID}&cursor=c1&range=1h`)
  expect(toListInput(filters, NOW)).toEqual({
    from: '2026-03-05T11:00:00.000Z',
    limit: 50,
    userId: 1,
    keyId: 2,
    groupId: 3,
    accountId: 4,
    model: 'gpt-4o',
    outcome: 'failed',
    requestId: ID,
    cursor: 'c1',
  })
  expect(isFiltered(filters)).toBe(true)
})

test('a range of one’s own is taken as given, open ends too', () => {
  const input = toListInput(read('range=custom&from=2026-03-01T00:00:00Z'), NOW)
  expect(input).toEqual({ from: '2026-03-01T00:00:00.000Z', limit: 50 })
})

test('bounds left over from a range of one’s own do not count with another', () => {
  expect(toListInput(read('range=1h&from=2020-01-01T00:00:00Z'), NOW)?.from).toBe('2026-03-05T11:00:00.000Z')
})

test.each([
  'user=x&key=-1&group=0&account=1.5&outcome=nonsense&request=12&range=century',
  'range=custom&from=yesterday&to=%00',
  `model=${'m'.repeat(300)}`,
])('a mangled address still makes a question the server takes: %s', (search) => {
  expect(usageList.safeParse(toListInput(read(search), NOW)).success).toBe(true)
})

test.each([
  [ID, ID],
  [`req_${ID.toUpperCase()} `, ID],
  ['0195f3a2', undefined],
  ['', undefined],
])('the request id in %j is %s', (text, expected) => expect(readRequestId(text)).toBe(expected))
