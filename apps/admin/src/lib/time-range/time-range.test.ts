import { opsOverview } from '@turnpike/core/inputs/ops'
import { usageList } from '@turnpike/core/inputs/usage'
import { RANGES } from '@turnpike/core/ops/words'
import { expect, test } from 'vitest'
import { ledgerSpan, opsSpan, rangeParams, readTimeRange, zoomedTo } from './time-range.ts'

const NOW = Date.parse('2026-03-05T12:00:00Z')
const read = (search: string) => readTimeRange(new URLSearchParams(search), '1h')

test('without a range in the address the page has its own', () => {
  expect(read('')).toEqual({ range: '1h', from: undefined, to: undefined })
  expect(read('range=century')).toEqual(read(''))
})

test('bounds count with a range of one’s own only, open ends too', () => {
  expect(read('range=7d&from=2026-03-01T00:00:00Z').from).toBeUndefined()
  expect(read('range=custom&from=2026-03-01T00:00:00Z')).toEqual({
    range: 'custom',
    from: '2026-03-01T00:00:00.000Z',
    to: undefined,
  })
})

test('an end before its beginning is none', () => {
  expect(read('range=custom&from=2026-03-02T00:00:00Z&to=2026-03-02T00:00:00Z').to).toBeUndefined()
  expect(read('range=custom&from=2026-03-02T00:00:00Z&to=2026-03-02T00:00:01Z').to).toBeDefined()
})

test('an address says it all: read again, it is the same range', () => {
  const range = read('range=custom&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z')
  const params = Object.entries(rangeParams(range)).flatMap(([name, value]) => (value ? [[name, value]] : []))
  expect(readTimeRange(new URLSearchParams(params), '5m')).toEqual(range)
})

test.each([...RANGES, 'custom', 'custom&from=2026-03-01', 'custom&to=2026-03-01', 'custom&from=%00'])(
  'the server takes what is asked of range=%s',
  (range) => {
    const asked = read(`range=${range}`)
    expect(opsOverview.safeParse(opsSpan(asked)).success).toBe(true)
    expect(usageList.safeParse(ledgerSpan(asked, NOW)).success).toBe(true)
  },
)

test('a named range ends now', () => {
  expect(ledgerSpan(read('range=6h'), NOW)).toEqual({ from: '2026-03-05T06:00:00.000Z' })
})

test('what is drawn over is zoomed to, a minute at least', () => {
  const at = NOW / 1000
  expect(zoomedTo(at, at + 600)).toEqual({
    range: 'custom',
    from: '2026-03-05T12:00:00.000Z',
    to: '2026-03-05T12:10:00.000Z',
  })
  expect(zoomedTo(at, at + 2)).toMatchObject({ from: '2026-03-05T11:59:31.000Z', to: '2026-03-05T12:00:31.000Z' })
})
