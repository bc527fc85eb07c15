import { describe, expect, test } from 'vitest'
import { isWithin, parseAddressRange } from './address-range.ts'

function isIn(address: string, ...texts: string[]): boolean {
  return isWithin(
    address,
    texts.flatMap((text) => {
      const range = parseAddressRange(text)
      return range === null ? [] : [range]
    }),
  )
}

describe('an address is within', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['10.255.0.1', '10.0.0.0/8'],
    ['10.0.0.8', '10.0.0.9/29'],
    ['203.0.113.5', '0.0.0.0/0'],
    ['::ffff:10.0.0.1', '10.0.0.0/8'],
    ['10.0.0.1', '::ffff:10.0.0.1'],
    ['10.9.9.9', '::ffff:10.0.0.0/104'],
    ['2001:db8::5', '2001:DB8::/32'],
    ['2001:db8::5', '2001:db8:0:0:0:0:0:5'],
    ['2001:db8::5', '::/0'],
  ])('%s is within %s', (address, range) => {
    expect(isIn(address, range)).toBe(true)
  })

  test.each([
    ['10.0.0.2', '10.0.0.1'],
    ['10.0.0.16', '10.0.0.9/29'],
    ['11.0.0.1', '10.0.0.0/8'],
    ['10.0.0.1', '::/0'],
    ['2001:db8::5', '0.0.0.0/0'],
    ['2001:db9::5', '2001:db8::/32'],
    ['11.0.0.1', '::ffff:10.0.0.0/104'],
    ['unknown', '0.0.0.0/0'],
    ['', '::/0'],
  ])('%s is not within %s', (address, range) => {
    expect(isIn(address, range)).toBe(false)
  })

  test('one of several is enough, none is not', () => {
    expect(isIn('10.0.0.1', '192.0.2.0/24', '10.0.0.0/8')).toBe(true)
    expect(isIn('10.0.0.1')).toBe(false)
  })
})

test.each([
  '',
  'everywhere',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/',
  '10/8',
  '0/0',
  '010.0.0.1',
  '0x0a.0.0.1',
  '10.0.0',
  '10.0.0.1.2',
  ' 10.0.0.1',
  '::/129',
  ':::/0',
])('%j is no range', (text) => {
  expect(parseAddressRange(text)).toBeNull()
})
