import { describe, expect, test } from 'vitest'
import { formatMs, formatSpan } from './duration.ts'
import { formatDollars, formatShortDollars } from './money.ts'
import {
  formatCompact,
  formatCount,
  formatDecimal,
  formatPercent,
  formatSigned,
  formatSignedPercent,
} from './number.ts'
import { describeTimeZone, formatFullTime, fromLocalInput, toLocalInput } from './time.ts'

describe('durations are said in the unit a person would use', () => {
  test.each([
    [0, '0 ms'],
    [0.4213, '0.42 ms'],
    [9.999, '10 ms'],
    [12.4, '12 ms'],
    [999, '999 ms'],
    [1000, '1 sec'],
    [1254, '1.25 sec'],
    [59_940, '59.9 sec'],
    [60_000, '1 min'],
    [200_000, '3 min 20 sec'],
  ])('%d ms is %s', (ms, text) => expect(formatMs('en', ms)).toBe(text))

  test.each([
    [0, '0 sec'],
    [-5, '0 sec'],
    [45_000, '45 sec'],
    [7_500_000, '2 hr 5 min'],
    [3_600_000, '1 hr'],
    [273_600_000, '3 days 4 hr'],
  ])('a span of %d ms is %s', (ms, text) => expect(formatSpan('en', ms)).toBe(text))

  test('the unit is in the language of the page', () => expect(formatMs('zh', 12)).toBe('12毫秒'))
})

describe('money is exact', () => {
  test.each([
    ['0', '$0.00'],
    ['1.25', '$1.25'],
    ['0.000000001', '$0.000000001'],
    ['-12.5', '-$12.50'],
    ['123456789.123456789', '$123,456,789.123456789'],
  ])('%s is %s', (dollars, text) => expect(formatDollars('en', dollars)).toBe(text))

  test('what is no decimal is not shown as a sum', () => expect(formatDollars('en', '1e3')).toContain('NaN'))
})

describe('numbers', () => {
  test('counts carry separators', () => expect(formatCount('en', 1234567)).toBe('1,234,567'))
  test('a number just below the bound is written out', () => expect(formatCompact('en', 9999)).toBe('9,999'))
  test('from the bound on it is shortened', () => expect(formatCompact('en', 10_000)).toBe('10K'))
  test.each([
    [0, '0%'],
    [0.04, '0.04%'],
    [5.26, '5.3%'],
    [99.95, '99.95%'],
    [100, '100%'],
  ])('%d percent is %s', (value, text) => expect(formatPercent('en', value)).toBe(text))
})

describe('times', () => {
  const at = new Date('2026-03-05T06:07:08.009Z')

  test('a full time tells milliseconds and zone', () => {
    expect(formatFullTime('en', at, 'Asia/Shanghai')).toBe('Mar 5, 2026, 14:07:08.009 GMT+8')
  })

  test('the zone is shown by name and offset', () => {
    expect(describeTimeZone('en', at, 'Europe/Berlin')).toBe('Europe/Berlin · GMT+1')
    expect(describeTimeZone('en', at, 'UTC')).toBe('UTC')
  })

  test('a local field gives back the instant it was filled with, to the minute', () => {
    expect(fromLocalInput(toLocalInput('2026-03-05T06:07:00.000Z'))).toBe('2026-03-05T06:07:00.000Z')
  })

  test('an empty or broken field holds no instant', () => {
    expect(fromLocalInput('')).toBeNull()
    expect(fromLocalInput('soon')).toBeNull()
    expect(toLocalInput(null)).toBe('')
    expect(toLocalInput('soon')).toBe('')
  })
})

describe('short forms', () => {
  test.each([
    ['0', '$0.00'],
    ['12.345', '$12.35'],
    ['0.00012345', '$0.00012'],
  ])('%s is %s', (dollars, text) => expect(formatShortDollars('en', dollars)).toBe(text))
  test.each([
    [0, '0'],
    [0.01234, '0.0123'],
    [99.96, '100'],
    [12_345, '12.3K'],
  ])('%d is %s', (value, text) => expect(formatDecimal('en', value)).toBe(text))
  test('changes have a sign', () => {
    expect([formatSigned('en', 0.126), formatSigned('en', -2), formatSigned('en', 0)]).toEqual(['+0.13', '-2', '0'])
    expect(formatSignedPercent('en', 12.4)).toBe('+12%')
  })
})
