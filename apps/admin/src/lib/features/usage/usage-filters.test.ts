import { expect, test } from 'vitest'
import { isTooLong, readUsageFilters, usageWindow, windowBefore } from './usage-filters.ts'

const NOW = Date.parse('2026-03-10T14:25:30.000Z')

function windowOf(search: string) {
  return usageWindow(readUsageFilters(new URLSearchParams(search)), NOW)
}

test.each([
  ['range=24h', '2026-03-09T15:00:00.000Z', 'hour'],
  ['range=7d', '2026-03-03T15:00:00.000Z', 'hour'],
  ['range=30d', '2026-02-09T00:00:00.000Z', 'day'],
])('%s is of whole buckets, and ends now in one that runs', (search, from, bucket) => {
  expect(windowOf(search)).toEqual({ from, to: '2026-03-10T14:25:30.000Z', bucket })
})

test('the period before begins and ends at the same places of its buckets', () => {
  expect(windowBefore(windowOf('range=30d'))).toEqual({
    from: '2026-01-10T00:00:00.000Z',
    to: '2026-02-08T14:25:30.000Z',
    bucket: 'day',
  })
  expect(windowBefore(windowOf('range=24h'))).toMatchObject({
    from: '2026-03-08T15:00:00.000Z',
    to: '2026-03-09T14:25:30.000Z',
  })
})

test('a span that was asked for is taken as it is, and the one before ends where it begins', () => {
  const asked = windowOf('range=custom&from=2026-03-01T00:00:00Z&to=2026-03-02T12:00:00Z')
  expect(asked).toEqual({ from: '2026-03-01T00:00:00.000Z', to: '2026-03-02T12:00:00.000Z', bucket: null })
  expect(windowBefore(asked).to).toBe(asked.from)
})

test('31 days are the most', () => {
  const to = '&to=2026-03-10T00:00:00Z'
  expect(isTooLong(windowOf(`range=custom&from=2026-02-07T00:00:00Z${to}`))).toBe(false)
  expect(isTooLong(windowOf(`range=custom&from=2026-02-06T23:59:59.999Z${to}`))).toBe(true)
})

test('what an address says and nobody can mean counts as not said', () => {
  expect(
    readUsageFilters(new URLSearchParams('range=year&by=mood&measure=joy&user=-1&from=yesterday&model=%20')),
  ).toEqual({
    range: '7d',
    from: undefined,
    to: undefined,
    by: 'total',
    measure: 'billed',
    userId: undefined,
    keyId: undefined,
    groupId: undefined,
    accountId: undefined,
    model: undefined,
  })
})
