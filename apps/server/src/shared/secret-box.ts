import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const KEY_VERSION = '1'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Where a sealed value lives. It is bound to this place: moved to another row or column it does not open. */
export interface SecretPlace {
  table: string
  column: string
  row: string | number
}

export interface SecretBox {
  /** AES-256-GCM envelope, printable, with the key's version in front. */
  seal(plain: string, place: SecretPlace): string
  /** Throws where the value was altered, moved, or sealed under another key. */
  open(sealed: string, place: SecretPlace): string
  /** A key of its own for one purpose (HKDF-SHA-256); the same master key and purpose always give the same bytes. */
  derive(purpose: string, bytes?: number): Buffer
}

/** Secrets at rest and every derived key come from `masterKey` (32 bytes, TURNPIKE_SECRET_KEY). */
export function createSecretBox(masterKey: Uint8Array): SecretBox {
  if (masterKey.length !== 32) throw new Error('The secret key must have 32 bytes')
  const sealingKey = derive('secrets at rest', 32)

  function derive(purpose: string, bytes = 32): Buffer {
    return Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `turnpike/${purpose}`, bytes))
  }

  function seal(plain: string, place: SecretPlace): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', sealingKey, nonce).setAAD(additionalData(place))
    const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
    return `v${KEY_VERSION}.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`
  }

  function open(sealed: string, place: SecretPlace): string {
    const [version, payload = ''] = sealed.split('.', 2)
    const bytes = Buffer.from(payload, 'base64url')
    if (version !== `v${KEY_VERSION}` || bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('Not a sealed secret')
    const decipher = createDecipheriv('aes-256-gcm', sealingKey, bytes.subarray(0, NONCE_BYTES))
      .setAAD(additionalData(place))
      .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8')
  }

  return { seal, open, derive }
}

function additionalData({ table, column, row }: SecretPlace): Buffer {
  return Buffer.from(`${table}|${column}|${row}|${KEY_VERSION}`)
}
