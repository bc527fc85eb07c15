import type { RateLimits } from '@turnpike/core/gateway/ports'
import type { KeyStatus, UserStatus } from '@turnpike/core/words'
import type { PendingQuery, Row, Sql } from 'postgres'
import { type AddressRange, parseAddressRange } from '../../../http/address-range.ts'

/** A key as the request path needs it. */
export interface KeyRecord {
  keyId: number
  publicId: string
  /** HMAC-SHA-256 of the whole key, hex. */
  secretHash: string
  status: KeyStatus
  /** Ms since the epoch; Infinity = never. */
  expiresAtMs: number
  concurrency: number
  rates: RateLimits
  /** Whether it may spend only so much: all in all, a day or a month. */
  hasSpendingLimit: boolean
  models: readonly string[]
  /** Where it may be used from; null = everywhere. */
  addresses: readonly AddressRange[] | null
  groupId: number
  userId: number
  userStatus: UserStatus
  userConcurrency: number
}

interface KeyRow extends Omit<KeyRecord, 'expiresAtMs' | 'addresses' | 'rates'>, RateLimits {
  expiresAt: Date | null
  cidrs: string[]
}

/** The keys with these public ids and what they take from their owners; unknown ids are left out. */
export function keysByPublicId(sql: Sql, publicIds: string[]): Promise<KeyRecord[]> {
  return select(sql, sql`k.public_id = any(${publicIds})`)
}

/** All keys of these users. */
export function keysOfUsers(sql: Sql, userIds: number[]): Promise<KeyRecord[]> {
  return select(sql, sql`k.user_id = any(${userIds})`)
}

/** Null = there is no such key. */
export async function keyById(sql: Sql, keyId: number): Promise<KeyRecord | null> {
  const [found] = await select(sql, sql`k.id = ${keyId}`)
  return found ?? null
}

/** What a key of the user in the group would be that has no limits of its own; null = there is no such user. */
export async function plainKeyOf(sql: Sql, userId: number, groupId: number): Promise<KeyRecord | null> {
  const [user] = await sql<Pick<KeyRecord, 'userId' | 'userStatus' | 'userConcurrency'>[]>`
    select id::int as "userId", status as "userStatus", concurrency as "userConcurrency" from users where id = ${userId}`
  if (user === undefined) return null
  return {
    ...user,
    groupId,
    keyId: 0,
    publicId: '',
    secretHash: '',
    status: 'active',
    expiresAtMs: Number.POSITIVE_INFINITY,
    concurrency: 0,
    rates: { requestsPerMinute: null, tokensPerMinute: null },
    hasSpendingLimit: false,
    models: [],
    addresses: null,
  }
}

async function select(sql: Sql, condition: PendingQuery<Row[]>): Promise<KeyRecord[]> {
  const rows = await sql<KeyRow[]>`
    select k.id::int as "keyId", k.public_id as "publicId", k.secret_hash as "secretHash", k.status,
           k.expires_at as "expiresAt", k.concurrency,
           k.requests_per_minute as "requestsPerMinute", k.tokens_per_minute::float8 as "tokensPerMinute", k.models, k.cidrs,
           num_nonnulls(k.limit_total_nano, k.limit_day_nano, k.limit_month_nano) > 0 as "hasSpendingLimit", k.group_id::int as "groupId",
           u.id::int as "userId", u.status as "userStatus", u.concurrency as "userConcurrency"
    from api_keys k join users u on u.id = k.user_id
    where ${condition}`
  return rows.map(({ expiresAt, cidrs, requestsPerMinute, tokensPerMinute, ...key }) => ({
    ...key,
    rates: { requestsPerMinute, tokensPerMinute },
    addresses: addressesOf(cidrs),
    expiresAtMs: expiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
  }))
}

/** An entry that is no range lets nobody in; if none is one, the key is usable from nowhere. */
function addressesOf(cidrs: string[]): AddressRange[] | null {
  if (cidrs.length === 0) return null
  return cidrs.map(parseAddressRange).filter((range) => range !== null)
}

/** Hashes a key anew under the newest pepper, unless somebody changed it meanwhile. */
export async function rehashKey(sql: Sql, { keyId, secretHash }: KeyRecord, fresh: FreshHash): Promise<void> {
  await sql`
    update api_keys set secret_hash = ${fresh.hash}, pepper_version = ${fresh.pepperVersion}
    where id = ${keyId} and secret_hash = ${secretHash}`
}

interface FreshHash {
  hash: string
  pepperVersion: number
}
