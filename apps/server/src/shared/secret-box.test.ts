import { expect, test } from 'vitest'
import { createSecretBox } from './secret-box.ts'

const box = createSecretBox(Buffer.alloc(32, 7))
const place = { table: 'accounts', column: 'secret', row: 42 }

test('a sealed secret opens at its own place and shows nothing of itself', () => {
  const sealed = box.seal('sk-very-secret ☃', place)
  expect(sealed).toMatch(/^v[0-9a-f]{8}\.[\w-]+$/)
  expect(Buffer.from(sealed.slice(10), 'base64url').toString('latin1')).not.toContain('very-secret')
  expect(box.open(sealed, place)).toBe('sk-very-secret ☃')
})

test.each([
  ['another row', { ...place, row: 43 }],
  ['another column', { ...place, column: 'headers' }],
  ['another table', { ...place, table: 'users' }],
])('a sealed secret does not open in %s', (_where, elsewhere) => {
  const sealed = box.seal('sk-very-secret', place)
  expect(() => box.open(sealed, elsewhere)).toThrow()
})

test('a flipped bit, a cut and a foreign key are noticed', () => {
  const sealed = box.seal('sk-very-secret', place)
  const bytes = Buffer.from(sealed.slice(10), 'base64url')
  for (const at of [0, 12, bytes.length - 1]) {
    const damaged = Buffer.from(bytes)
    damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at)
    expect(() => box.open(`${box.sealedPrefix}${damaged.toString('base64url')}`, place)).toThrow()
  }
  expect(() => box.open(sealed.slice(0, 20), place)).toThrow('Not a secret sealed under our key')
  expect(() => createSecretBox(Buffer.alloc(32, 8)).open(sealed, place)).toThrow('Not a secret sealed under our key')
})

test('sealing twice gives different envelopes; deriving twice gives the same key; purposes differ', () => {
  expect(box.seal('same', place)).not.toBe(box.seal('same', place))
  expect(box.derive('key pepper')).toEqual(box.derive('key pepper'))
  expect(box.derive('key pepper')).not.toEqual(box.derive('sessions'))
  expect(box.derive('quick start', 48)).toHaveLength(48)
})

test('a ring opens what its previous key sealed, seals under the newest, and cannot do without either', () => {
  const ring = createSecretBox(Buffer.alloc(32, 8), Buffer.alloc(32, 7))
  const old = box.seal('sk-old', place)
  expect(old.startsWith(ring.sealedPrefix)).toBe(false)
  expect(ring.open(old, place)).toBe('sk-old')
  const fresh = ring.seal(ring.open(old, place), place)
  expect(fresh.startsWith(ring.sealedPrefix)).toBe(true)
  expect(createSecretBox(Buffer.alloc(32, 8)).open(fresh, place)).toBe('sk-old')
  expect(() => box.open(fresh, place)).toThrow()
})

test('the version of a key is bound in: an envelope with the name of another key on it does not open', () => {
  const ring = createSecretBox(Buffer.alloc(32, 8), Buffer.alloc(32, 7))
  const renamed = box.seal('sk-old', place).replace(box.sealedPrefix, ring.sealedPrefix)
  expect(() => ring.open(renamed, place)).toThrow()
})

test('a ring derives below each of its keys, the newest first', () => {
  const newer = createSecretBox(Buffer.alloc(32, 8))
  const ring = createSecretBox(Buffer.alloc(32, 8), Buffer.alloc(32, 7))
  expect(ring.deriveAll('key pepper')).toEqual([newer.derive('key pepper'), box.derive('key pepper')])
  expect(ring.derive('key pepper')).toEqual(newer.derive('key pepper'))
})

test('a key of any other length is refused', () => {
  expect(() => createSecretBox(Buffer.alloc(31))).toThrow('32 bytes')
  expect(() => createSecretBox(Buffer.alloc(33))).toThrow('32 bytes')
})
