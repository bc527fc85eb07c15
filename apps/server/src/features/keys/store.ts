import { randomBytes } from 'node:crypto'
import type { KeyCreate, KeyList, KeyRotate, KeyUpdate } from '@turnpike/core/inputs/keys'
import { formatDollars } from '@turnpike/core/money'
import type { KeyStatus } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { apiKeys, groups, keySpending, userGroups, users } from '@turnpike/db/schema'
import { and, asc, eq, gt, ilike, ne, not, or } from 'drizzle-orm'
import { API_KEY_BYTES, hashApiKey, makeApiKey, pepperVersion } from '../../shared/api-key.ts'
import { AppError } from '../../shared/app-error.ts'
import { type Actor, auditOf, SYSTEM } from '../../shared/audit.ts'
import { changed } from '../../shared/changed.ts'
import { afterId, containing, type Page, pageOf } from '../../shared/keyset.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import { isPastPlayground, PLAYGROUND_NAME, playgroundLife } from './playground-key.ts'

const audit = auditOf('key')

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
export function createKeyStore({ db, pepper, clock }: { db: Db['db']; pepper: Uint8Array; clock: WallClock }) {
  /** Without playground keys whose hour is over. */
  async function list({ userId, groupId, status, query, limit, cursor }: KeyList): Promise<Page<Key>> {
    const after = afterId(cursor)
    const isOver = isPastPlayground(clock.now())
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
          isOver && not(isOver),
        ),
      )
      .orderBy(asc(apiKeys.id))
      .limit(limit + 1)
    return pageOf(rows.map(toKey), limit, (key) => String(key.id))
  }

  async function get(id: number): Promise<Key> {
    return found(await db.select().from(apiKeys).where(eq(apiKeys.id, id)))
  }

  async function create(input: KeyCreate, actor: Actor = SYSTEM): Promise<IssuedKey> {
    const { userId, groupId, name, ...settings } = input
    return db.transaction(async (tx) => {
      await refuseForeignGroup(tx, userId, groupId)
      const issued = await insert(tx, { ...toColumns(settings), userId, groupId, name })
      await audit(tx, actor, 'keys.create', issued.key.id, { ...issued.key })
      return issued
    })
  }

  /** A key of one hour for trying models in the panel. The user's earlier ones that are over count as his no more. */
  async function mintForPlayground(userId: number, groupId: number, actor: Actor): Promise<IssuedKey> {
    const nowMs = clock.now()
    return db.transaction(async (tx) => {
      await refuseForeignGroup(tx, userId, groupId)
      await tx
        .update(apiKeys)
        .set({ status: 'revoked' })
        .where(and(eq(apiKeys.userId, userId), ne(apiKeys.status, 'revoked'), isPastPlayground(nowMs)))
      const issued = await insert(tx, { ...playgroundLife(nowMs), userId, groupId, name: PLAYGROUND_NAME })
      await audit(tx, actor, 'my.playgroundKey', issued.key.id, { ...issued.key })
      return issued
    })
  }

  /**
   * A new key with the settings of the old one, which stays valid for the overlap. What the old one has spent counts
   * against the same limits of the new one.
   */
  async function rotate({ id, overlapSeconds }: KeyRotate, actor: Actor = SYSTEM): Promise<IssuedKey> {
    return db.transaction(async (tx) => {
      const [old] = await tx.select().from(apiKeys).where(eq(apiKeys.id, id)).for('update')
      if (!old) throw new AppError('not_found', { field: 'id' })
      const now = clock.now()
      refuseEnded(old, now)
      await refuseForeignGroup(tx, old.userId, old.groupId)
      const issued = await insert(tx, settingsOf(old))
      const [spent] = await tx.select().from(keySpending).where(eq(keySpending.keyId, id))
      if (spent) await tx.insert(keySpending).values({ ...spent, keyId: issued.key.id })
      const endsAt = Math.min(now + overlapSeconds * 1_000, old.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY)
      const ending = overlapSeconds === 0 ? { status: 'revoked' as const } : { expiresAt: new Date(endsAt) }
      await tx
        .update(apiKeys)
        .set({ ...ending, replacedById: issued.key.id })
        .where(eq(apiKeys.id, id))
      await audit(tx, actor, 'keys.rotate', id, { replacedBy: issued.key.id, overlapSeconds })
      return issued
    })
  }

  async function insert(tx: Pick<Db['db'], 'insert'>, values: KeySettings): Promise<IssuedKey> {
    const { key: secret, publicId, last4 } = makeApiKey(randomBytes(API_KEY_BYTES))
    const rows = await tx
      .insert(apiKeys)
      .values({
        ...values,
        publicId,
        last4,
        secretHash: hashApiKey(pepper, secret),
        pepperVersion: pepperVersion(pepper),
      })
      .returning()
    return { key: found(rows), secret }
  }

  async function update({ id, groupId, ...changes }: KeyUpdate, actor: Actor = SYSTEM): Promise<Key> {
    return db.transaction(async (tx) => {
      const [current] = await tx.select().from(apiKeys).where(eq(apiKeys.id, id)).for('update')
      if (!current) throw new AppError('not_found', { field: 'id' })
      if (current.status === 'revoked') throw new AppError('conflict', { message: 'A revoked key stays as it is' })
      if (groupId !== undefined) await refuseForeignGroup(tx, current.userId, groupId)
      const columns = { ...toColumns(changes), groupId }
      if (Object.values(columns).every((value) => value === undefined)) return toKey(current)
      const key = found(await tx.update(apiKeys).set(columns).where(eq(apiKeys.id, id)).returning())
      await audit(tx, actor, 'keys.update', id, changed(toKey(current), key))
      return key
    })
  }

  async function revoke(id: number, actor: Actor = SYSTEM): Promise<Key> {
    return db.transaction(async (tx) => {
      const key = found(await tx.update(apiKeys).set({ status: 'revoked' }).where(eq(apiKeys.id, id)).returning())
      await audit(tx, actor, 'keys.revoke', id, {})
      return key
    })
  }

  return { list, get, create, mintForPlayground, update, revoke, rotate }
}

type KeySettings = Omit<typeof apiKeys.$inferInsert, 'publicId' | 'last4' | 'secretHash' | 'pepperVersion'>

/** All of a key that its successor takes over. */
function settingsOf(row: KeyRow): KeySettings {
  return {
    userId: row.userId,
    groupId: row.groupId,
    name: row.name,
    expiresAt: row.expiresAt,
    concurrency: row.concurrency,
    requestsPerMinute: row.requestsPerMinute,
    tokensPerMinute: row.tokensPerMinute,
    limitTotalNano: row.limitTotalNano,
    limitDayNano: row.limitDayNano,
    limitMonthNano: row.limitMonthNano,
    models: row.models,
    cidrs: row.cidrs,
  }
}

function refuseEnded({ status, expiresAt, replacedById }: KeyRow, nowMs: number): void {
  if (replacedById !== null) throw new AppError('conflict', { message: 'This key has been replaced already' })
  const hasEnded = status !== 'active' || (expiresAt !== null && expiresAt.getTime() <= nowMs)
  if (hasEnded) throw new AppError('conflict', { message: 'Only an active key can be replaced' })
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
