import { expect, test } from 'vitest'
import { formatDollars, parseDollars } from './money.ts'

test.each([
  ['0', 0n, '0'],
  ['1.25', 1_250_000_000n, '1.25'],
  ['0.000000001', 1n, '0.000000001'],
  ['-3.50', -3_500_000_000n, '-3.5'],
  ['999999999.999999999', 999_999_999_999_999_999n, '999999999.999999999'],
  ['007', 7_000_000_000n, '7'],
])('%s dollars are %s nano-dollars, shown as %s', (text, nano, shown) => {
  expect(parseDollars(text)).toBe(nano)
  expect(formatDollars(nano)).toBe(shown)
})

test.each(['', '.5', '1.', '1.0000000001', '1234567890', '1e3', '+1', ' 1', '0x10', '1,5', 'NaN', '--1', '1\n'])(
  '%j is no amount of dollars',
  (text) => {
    expect(parseDollars(text)).toBeNull()
  },
)
