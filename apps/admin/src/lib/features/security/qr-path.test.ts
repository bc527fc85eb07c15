import { encode } from 'uqr'
import { expect, test } from 'vitest'
import { qrPath } from './qr-path.ts'

test('each dark module is a square, and nothing else is drawn', () => {
  expect(
    qrPath([
      [true, false],
      [false, true],
    ]),
  ).toBe('M0 0h1v1h-1zM1 1h1v1h-1z')
})

test('a whole code has as many squares as dark modules', () => {
  const { data } = encode('otpauth://totp/Turnpike:a@b.test?secret=AAAA')
  expect(qrPath(data).split('M').length - 1).toBe(data.flat().filter(Boolean).length)
})
