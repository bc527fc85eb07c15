import { hash, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '@turnpike/core/gateway/errors'
import { LRUCache } from 'lru-cache'
import { hashApiKey, parseApiKey } from '../../../shared/api-key.ts'
import type { KeyRecord } from './key-store.ts'
import type { createUnknownKeyLimit } from './unknown-key-limit.ts'

/** About 1 KB each. */
const MAX_CACHED_KEYS = 120_000
/** So few at a time that requests between them do not notice. */
const REFRESH_BATCH = 200
/** Compared against where there is no such key, so that both cases take the same time. */
const NOBODYS_HASH = '0'.repeat(64)

interface CachedKey {
  record: KeyRecord
  /** SHA-256 of the key that was proven by its HMAC: making and comparing it is ten times cheaper. */
  provenDigest: string | null
}

interface AuthenticatorOptions {
  /** What keys may be hashed under, the newest first. */
  peppers: readonly [Uint8Array, ...Uint8Array[]]
  /** A key was proven under a pepper that is being replaced: it is to be hashed anew. */
  onOldHash(record: KeyRecord, key: string): void
  /** Rejects when the database is out of reach. */
  lookUp(publicIds: string[]): Promise<KeyRecord[]>
  /** Keys of these users. Rejects when the database is out of reach. */
  lookUpOwned(userIds: number[]): Promise<KeyRecord[]>
  limit: ReturnType<typeof createUnknownKeyLimit>
  now: () => number
}

export type Authenticator = ReturnType<typeof createAuthenticator>

/** Step 1 of gateway.md: the key behind a request, from memory where it was seen before. */
export function createAuthenticator(options: AuthenticatorOptions) {
  const { peppers, onOldHash, lookUp, lookUpOwned, limit, now } = options
  const cache = new LRUCache<string, CachedKey>({ max: MAX_CACHED_KEYS })
  const lookUps = new Map<string, Promise<KeyRecord | null>>()
  let generation = 0

  /** Throws invalid_api_key, too_many_invalid_keys, control_plane_unavailable. Synchronous where the key is cached. */
  function authenticate(key: string | null, address: string): KeyRecord | Promise<KeyRecord> {
    const publicId = key === null ? undefined : parseApiKey(key)?.publicId
    if (key === null) throw new GatewayError('invalid_api_key')
    const cached = publicId === undefined ? undefined : cache.get(publicId)
    if (cached !== undefined && proves(cached, key)) return usable(cached.record)
    const blockedMs = limit.blockedMs(address)
    if (blockedMs > 0) throw new GatewayError('too_many_invalid_keys', { retryAfterMs: blockedMs })
    if (publicId === undefined || cached !== undefined) return refuse(address)
    return fromDatabase(publicId, key, address)
  }

  async function fromDatabase(publicId: string, key: string, address: string): Promise<KeyRecord> {
    let seen: number
    let record: KeyRecord | null
    do {
      // What was read while something changed may be what it was before.
      seen = generation
      record = await shared(publicId)
    } while (seen !== generation)
    const entry: CachedKey = { record: record ?? nobody(publicId), provenDigest: null }
    if (!proves(entry, key) || record === null) return refuse(address)
    cache.set(publicId, entry)
    return usable(record)
  }

  /** One look-up for all requests that wait for the same key. */
  function shared(publicId: string): Promise<KeyRecord | null> {
    const running = lookUps.get(publicId)
    if (running !== undefined) return running
    const started = lookUp([publicId])
      .then(([record]) => record ?? null)
      .catch((cause: unknown) => {
        throw new GatewayError('control_plane_unavailable', { cause })
      })
      .finally(() => lookUps.delete(publicId))
    lookUps.set(publicId, started)
    return started
  }

  function proves(entry: CachedKey, key: string): boolean {
    const digest = hash('sha256', key)
    // Equal digests mean equal keys, and how far unequal ones agree tells nothing about the key.
    if (entry.provenDigest !== null) return entry.provenDigest === digest
    const stored = Buffer.from(entry.record.secretHash, 'hex')
    const provenBy = peppers.find((pepper) => timingSafeEqual(stored, Buffer.from(hashApiKey(pepper, key), 'hex')))
    if (provenBy === undefined) return false
    entry.provenDigest = digest
    if (provenBy !== peppers[0]) onOldHash(entry.record, key)
    return true
  }

  function refuse(address: string): never {
    limit.count(address)
    throw new GatewayError('invalid_api_key')
  }

  function usable(record: KeyRecord): KeyRecord {
    checkUsable(record, now())
    return record
  }

  /**
   * Reads what changed again. Requests go on meanwhile by what was known: nobody waits for the database because of
   * somebody else's change.
   */
  async function refresh({ publicIds, userIds }: { publicIds: string[]; userIds: number[] }): Promise<void> {
    generation++
    await readAgain(publicIds.filter((publicId) => cache.has(publicId)))
    if (userIds.length === 0) return
    for (const record of await lookUpOwned(userIds)) replace(record.publicId, record)
  }

  /** Reads every cached key again, because whatever changed may not have been heard. */
  function refreshAll(): Promise<void> {
    generation++
    return readAgain([...cache.keys()])
  }

  async function readAgain(publicIds: string[]): Promise<void> {
    for (let from = 0; from < publicIds.length; from += REFRESH_BATCH) {
      const batch = publicIds.slice(from, from + REFRESH_BATCH)
      const records = new Map((await lookUp(batch)).map((record) => [record.publicId, record]))
      for (const publicId of batch) replace(publicId, records.get(publicId))
    }
  }

  function replace(publicId: string, record: KeyRecord | undefined): void {
    const known = cache.peek(publicId)
    if (known === undefined) return
    if (record === undefined || record.secretHash !== known.record.secretHash) cache.delete(publicId)
    else known.record = record
  }

  return { authenticate, refresh, refreshAll }
}

/** Throws invalid_api_key where the key, or its user, may not be used now. */
export function checkUsable({ status, userStatus, expiresAtMs }: KeyRecord, nowMs: number): void {
  const isUsable = status === 'active' && userStatus === 'active' && expiresAtMs > nowMs
  if (!isUsable) throw new GatewayError('invalid_api_key')
}

function nobody(publicId: string): KeyRecord {
  return {
    keyId: 0,
    publicId,
    secretHash: NOBODYS_HASH,
    status: 'revoked',
    expiresAtMs: 0,
    concurrency: 1,
    rates: { requestsPerMinute: null, tokensPerMinute: null },
    hasSpendingLimit: false,
    models: [],
    addresses: [],
    groupId: 0,
    userId: 0,
    userStatus: 'archived',
    userConcurrency: 1,
  }
}
