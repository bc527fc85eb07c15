import { randomBytes } from 'node:crypto'
import type { KeyCreate, KeyList, KeyUpdate } from '@turnpike/core/inputs/keys'
import { formatDollars } from '@turnpike/core/money'
import type { KeyStatus } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { apiKeys, groups, userGroups, users } from '@turnpike/db/schema'
import { and, asc, eq, gt, ilike, or } from 'drizzle-orm'
import { API_KEY_BYTES, hashApiKey, makeApiKey, pepperVersion } from '../../shared/api-key.ts'
import { AppError } from '../../shared/app-error.ts'
import { afterId, containing, type Page, pageOf } from '../../shared/keyset.ts'

/** An API key as the API shows it, without its secret. Null = no limit; an empty list = everything. */
export interface Key {
  id: number
  publicId: string
  last4: string
  name: string
  userId: number
  groupId: number
  status: KeyStatus
  expiresAt: string | null
  concurrency: number
  requestsPerMinute: number | null
  tokensPerMinute: number | null
  spendingLimits: { total: string | null; day: string | null; month: string | null }
  models: string[]
  cidrs: string[]
  lastUsedAt: string | null
}

/** The whole key is in `secret`, here and never again. */
export interface IssuedKey {
  key: Key
  secret: string
}

export type KeyStore = ReturnType<typeof createKeyStore>

/** API keys in the database; `pepper` keys the hash that is stored of them. */
export function createKeyStore({ db, pepper }: { db: Db['db']; pepper: Uint8Array }) {
  async function list({ userId, groupId, status, query, limit, cursor }: KeyList): Promise<Page<Key>> {
    const after = afterId(cursor)
    const rows = await db
      .select()
      .from(apiKeys)
      .where(
        and(
          userId === undefined ? undefined : eq(apiKeys.userId, userId),
          groupId === undefined ? undefined : eq(apiKeys.groupId, groupId),
          status && eq(apiKeys.status, status),
          query
            ? or(ilike(apiKeys.name, containing(query)), eq(apiKeys.publicId, query), eq(apiKeys.last4, query))
            : undefined,
          after === null ? undefined : gt(apiKeys.id, after),
        ),
      )
      .orderBy(asc(apiKeys.id))
      .limit(limit + 1)
    return pageOf(rows.map(toKey), limit, (key) => String(key.id))
  }

  async function get(id: number): Promise<Key> {
    return found(await db.select().from(apiKeys).where(eq(apiKeys.id, id)))
  }

  /** `random` is given where the same key must come out every time (quick start); else it is fresh. */
  async function create(input: KeyCreate, random: Uint8Array = randomBytes(API_KEY_BYTES)): Promise<IssuedKey> {
    const { key: secret, publicId, last4 } = makeApiKey(random)
    const { userId, groupId, name, ...settings } = input
    await refuseForeignGroup(db, userId, groupId)
    const rows = await db
      .insert(apiKeys)
      .values({
        ...toColumns(settings),
        userId,
        groupId,
        name,
        publicId,
        last4,
        secretHash: hashApiKey(pepper, secret),
        pepperVersion: pepperVersion(pepper),
      })
      .returning()
    return { key: found(rows), secret }
  }

  async function update({ id, groupId, ...changes }: KeyUpdate): Promise<Key> {
    return db.transaction(async (tx) => {
      const [current] = await tx.select().from(apiKeys).where(eq(apiKeys.id, id)).for('update')
      if (!current) throw new AppError('not_found', { field: 'id' })
      if (current.status === 'revoked') throw new AppError('conflict', { message: 'A revoked key stays as it is' })
      if (groupId !== undefined) await refuseForeignGroup(tx, current.userId, groupId)
      const columns = { ...toColumns(changes), groupId }
      if (Object.values(columns).every((value) => value === undefined)) return toKey(current)
      return found(await tx.update(apiKeys).set(columns).where(eq(apiKeys.id, id)).returning())
    })
  }

  async function revoke(id: number): Promise<Key> {
    return found(await db.update(apiKeys).set({ status: 'revoked' }).where(eq(apiKeys.id, id)).returning())
  }

  return { list, get, create, update, revoke }
}

type KeyRow = typeof apiKeys.$inferSelect

function found([row]: KeyRow[]): Key {
  if (!row) throw new AppError('not_found', { field: 'id' })
  return toKey(row)
}

// A key joins a user who can use it to a group that he may use.
async function refuseForeignGroup(db: Pick<Db['db'], 'select'>, userId: number, groupId: number): Promise<void> {
  const [owner] = await db.select({ status: users.status }).from(users).where(eq(users.id, userId))
  if (!owner || owner.status === 'archived') throw new AppError('not_found', { field: 'userId' })
  const [group] = await db
    .select({ status: groups.status, exclusive: groups.exclusive, member: userGroups.userId })
    .from(groups)
    .leftJoin(userGroups, and(eq(userGroups.groupId, groups.id), eq(userGroups.userId, userId)))
    .where(eq(groups.id, groupId))
  if (!group || group.status === 'archived') throw new AppError('not_found', { field: 'groupId' })
  if (group.exclusive && group.member === null) {
    throw new AppError('conflict', { field: 'groupId', message: 'This user may not use this group' })
  }
}

// Members that are undefined leave their columns as they are.
function toColumns({ spendingLimits, ...rest }: Omit<KeyUpdate, 'id' | 'groupId'>) {
  return {
    ...rest,
    limitTotalNano: spendingLimits?.total,
    limitDayNano: spendingLimits?.day,
    limitMonthNano: spendingLimits?.month,
  }
}

function toKey(row: KeyRow): Key {
  return {
    id: row.id,
    publicId: row.publicId,
    last4: row.last4,
    name: row.name,
    userId: row.userId,
    groupId: row.groupId,
    status: row.status,
    expiresAt: row.expiresAt?.toISOString() ?? null,
    concurrency: row.concurrency,
    requestsPerMinute: row.requestsPerMinute,
    tokensPerMinute: row.tokensPerMinute,
    spendingLimits: {
      total: dollars(row.limitTotalNano),
      day: dollars(row.limitDayNano),
      month: dollars(row.limitMonthNano),
    },
    models: row.models,
    cidrs: row.cidrs,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  }
}

function dollars(nano: bigint | null): string | null {
  return nano === null ? null : formatDollars(nano)
}
