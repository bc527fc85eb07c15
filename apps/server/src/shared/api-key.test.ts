import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { API_KEY_BYTES, hashApiKey, makeApiKey, parseApiKey } from './api-key.ts'

test('a key has the promised form, and its public id and last four are read from it', () => {
  for (let round = 0; round < 200; round++) {
    const { key, publicId, last4 } = makeApiKey(randomBytes(API_KEY_BYTES))
    expect(key).toMatch(/^tp-[a-z2-7]{10}-[A-Za-z0-9_-]{43}$/)
    expect(parseApiKey(key)).toEqual({ publicId })
    expect(key.endsWith(last4)).toBe(true)
  }
})

test('the same bytes give the same key, and fewer bytes give none', () => {
  expect(makeApiKey(Buffer.alloc(API_KEY_BYTES, 9))).toEqual(makeApiKey(Buffer.alloc(API_KEY_BYTES, 9)))
  expect(() => makeApiKey(Buffer.alloc(API_KEY_BYTES - 1))).toThrow(RangeError)
})

test.each([
  '',
  'tp-',
  'sk-abcdefghij-x',
  `tp-abcdefghij-${'a'.repeat(42)}`,
  `tp-abcdefghij-${'a'.repeat(44)}`,
  `tp-ABCDEFGHIJ-${'a'.repeat(43)}`,
  ` tp-abcdefghij-${'a'.repeat(43)}`,
  `tp-abcdefghij-${'a'.repeat(43)}\n`,
])('malformed key %j is not a key', (text) => {
  expect(parseApiKey(text)).toBeNull()
})

test('the hash depends on every character and on the pepper', () => {
  const { key } = makeApiKey(Buffer.alloc(API_KEY_BYTES, 1))
  const pepper = Buffer.alloc(32, 2)
  expect(hashApiKey(pepper, key)).toMatch(/^[0-9a-f]{64}$/)
  expect(hashApiKey(pepper, `${key.slice(0, -1)}!`)).not.toBe(hashApiKey(pepper, key))
  expect(hashApiKey(Buffer.alloc(32, 3), key)).not.toBe(hashApiKey(pepper, key))
})
