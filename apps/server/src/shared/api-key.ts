import { createHash, createHmac } from 'node:crypto'
import type { SecretBox } from './secret-box.ts'

/** Bytes of randomness one key is made from. */
export const API_KEY_BYTES = 48

const PEPPER = 'key pepper'
const PUBLIC_ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const PUBLIC_ID_LENGTH = 10
const API_KEY = /^tp-([a-z2-7]{10})-[A-Za-z0-9_-]{43}$/

export interface NewApiKey {
  key: string
  publicId: string
  last4: string
}

/** `tp-` + 10-character public id + `-` + 43-character secret, from exactly API_KEY_BYTES bytes of randomness. */
export function makeApiKey(random: Uint8Array): NewApiKey {
  if (random.length !== API_KEY_BYTES) throw new RangeError(`An API key is made from ${API_KEY_BYTES} bytes`)
  const publicId = Array.from(random.subarray(0, PUBLIC_ID_LENGTH), (byte) =>
    PUBLIC_ID_ALPHABET.charAt(byte & 31),
  ).join('')
  const secret = Buffer.from(random.subarray(API_KEY_BYTES - 32)).toString('base64url')
  const key = `tp-${publicId}-${secret}`
  return { key, publicId, last4: key.slice(-4) }
}

/** The public id of a well-formed key; null for anything else. */
export function parseApiKey(text: string): { publicId: string } | null {
  const publicId = API_KEY.exec(text)?.[1]
  return publicId === undefined ? null : { publicId }
}

/** What is stored of a key: HMAC-SHA-256 over the whole of it, hex. */
export function hashApiKey(pepper: Uint8Array, key: string): string {
  return createHmac('sha256', pepper).update(key).digest('hex')
}

/** What keys are hashed under: a key of its own below the master key. */
export function apiKeyPepper(box: SecretBox): Buffer {
  return box.derive(PEPPER)
}

/** What keys may be hashed under while the master key is being replaced, the newest first. */
export function apiKeyPeppers(box: SecretBox): [Buffer, ...Buffer[]] {
  return box.deriveAll(PEPPER)
}

/** Stored beside each hash, so that it is known which keys still need an old pepper: a positive int4, from the pepper itself. */
export function pepperVersion(pepper: Uint8Array): number {
  return createHash('sha256').update(pepper).digest().readUInt32BE() >>> 1
}
