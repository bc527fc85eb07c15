import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_ID_BYTES = 4

/** Where a sealed value lives. It is bound to this place: moved to another row or column it does not open. */
export interface SecretPlace {
  table: string
  column: string
  row: string | number
}

export interface SecretBox {
  /** What every value sealed under the newest key begins with. */
  sealedPrefix: string
  /** AES-256-GCM envelope under the newest key, printable, with the key's version in front. */
  seal(plain: string, place: SecretPlace): string
  /** Throws where the value was altered, moved, or sealed under a key that is not in the ring. */
  open(sealed: string, place: SecretPlace): string
  /** A key of its own for one purpose (HKDF-SHA-256); the same master key and purpose always give the same bytes. */
  derive(purpose: string, bytes?: number): Buffer
  /** The same below every key of the ring, the newest first. */
  deriveAll(purpose: string, bytes?: number): [Buffer, ...Buffer[]]
}

/**
 * Secrets at rest and every derived key come from `masterKey` (32 bytes, TURNPIKE_SECRET_KEY). While the key is being
 * replaced, `previous` still opens what was sealed under it (spec: accounts-and-billing, "Secrets"). A key's version is made
 * from the key itself, so that instances agree on it without a count that somebody would have to keep.
 */
export function createSecretBox(masterKey: Uint8Array, previous: Uint8Array | null = null): SecretBox {
  const newest = ringKey(masterKey)
  const ring = previous === null ? [newest] : [newest, ringKey(previous)]

  function seal(plain: string, place: SecretPlace): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', newest.sealingKey, nonce).setAAD(additionalData(place, newest.version))
    const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
    return `${newest.prefix}${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`
  }

  function open(sealed: string, place: SecretPlace): string {
    const key = ring.find(({ prefix }) => sealed.startsWith(prefix))
    const bytes = Buffer.from(sealed.slice(newest.prefix.length), 'base64url')
    if (key === undefined || bytes.length < NONCE_BYTES + TAG_BYTES)
      throw new Error('Not a secret sealed under our key')
    const decipher = createDecipheriv('aes-256-gcm', key.sealingKey, bytes.subarray(0, NONCE_BYTES))
      .setAAD(additionalData(place, key.version))
      .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8')
  }

  return {
    sealedPrefix: newest.prefix,
    seal,
    open,
    derive: newest.derive,
    deriveAll(purpose, bytes) {
      const [first, ...others] = ring.map(({ derive }) => derive(purpose, bytes))
      return [first ?? newest.derive(purpose, bytes), ...others]
    },
  }
}

function ringKey(masterKey: Uint8Array) {
  if (masterKey.length !== 32) throw new Error('The secret key must have 32 bytes')

  function derive(purpose: string, bytes = 32): Buffer {
    return Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `turnpike/${purpose}`, bytes))
  }

  const version = derive('key version', KEY_ID_BYTES).toString('hex')
  return { version, prefix: `v${version}.`, sealingKey: derive('secrets at rest'), derive }
}

function additionalData({ table, column, row }: SecretPlace, version: string): Buffer {
  return Buffer.from(`${table}|${column}|${row}|${version}`)
}
