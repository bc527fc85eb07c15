import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { calendarStarts, windowEnd, windowStarts } from './windows.ts'

const at = (text: string) => Date.parse(text)
const iso = (ms: number) => new Date(ms).toISOString()
/** Clocks go forward at midnight in the second, by half an hour in the third; the fourth never changes them. */
const ZONES = ['Europe/Berlin', 'America/Havana', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC']

describe('calendar day and month', () => {
  test.each([
    ['UTC', '2026-03-29T12:00:00Z', '2026-03-29T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
    ['Europe/Berlin', '2026-03-31T22:30:00Z', '2026-03-31T22:00:00.000Z', '2026-03-31T22:00:00.000Z'],
    ['Europe/Berlin', '2026-03-31T21:30:00Z', '2026-03-30T22:00:00.000Z', '2026-02-28T23:00:00.000Z'],
    ['Asia/Kathmandu', '2026-01-01T00:00:00Z', '2025-12-31T18:15:00.000Z', '2025-12-31T18:15:00.000Z'],
    // There is no 0:00 on this day.
    ['America/Havana', '2026-03-08T12:00:00Z', '2026-03-08T05:00:00.000Z', '2026-03-01T05:00:00.000Z'],
    // This day has 0:30 twice.
    ['America/Havana', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00.000Z', '2026-11-01T04:00:00.000Z'],
  ])('begin in %s at %s', (zone, now, day, month) => {
    const starts = calendarStarts(at(now), zone)
    expect([iso(starts.day), iso(starts.month)]).toEqual([day, month])
  })
})

test('windows of 1, 7 and 30 days run through their last day and no longer', () => {
  const starts = windowStarts(at('2026-03-30T10:00:00Z'), 'UTC')
  expect([starts.day, starts.week, starts.month].map(iso)).toEqual([
    '2026-03-30T00:00:00.000Z',
    '2026-03-24T00:00:00.000Z',
    '2026-03-01T00:00:00.000Z',
  ])
  expect(iso(windowEnd(starts.month, 30, 'UTC'))).toBe('2026-03-31T00:00:00.000Z')
})

test('whenever, wherever: the day has begun, it ends later, and a window is over exactly when its end is there', () => {
  const moment = fc.integer({ min: at('2020-01-01T00:00:00Z'), max: at('2035-01-01T00:00:00Z') })
  const span = fc.integer({ min: 0, max: 40 * 24 * 60 })
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), moment, span, (zone, nowMs, minutes) => {
      const { day } = windowStarts(nowMs, zone)
      expect(day).toBeLessThanOrEqual(nowMs)
      expect(windowEnd(day, 1, zone)).toBeGreaterThan(nowMs)
      expect(windowStarts(day, zone).day).toBe(day)
      const laterMs = nowMs + minutes * 60_000
      const later = windowStarts(laterMs, zone)
      for (const [days, earliest] of [
        [1, later.day],
        [7, later.week],
        [30, later.month],
      ] as const) {
        expect(day >= earliest).toBe(windowEnd(day, days, zone) > laterMs)
      }
    }),
    { numRuns: 300 },
  )
})
