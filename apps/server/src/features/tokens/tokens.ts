import { createHmac, randomBytes } from 'node:crypto'
import type { TokenCreate, TokenList } from '@turnpike/core/inputs/tokens'
import type { Role } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { serviceTokens, users } from '@turnpike/db/schema'
import { and, desc, eq, gt, inArray, isNull, lt, lte, or } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import { type Actor, auditOf } from '../../shared/audit.ts'
import { type Identity, isAllowed, type TokenIdentity } from '../../shared/identity.ts'
import { afterId, type Page, pageOf } from '../../shared/keyset.ts'
import { isPermission } from '../../shared/permissions.ts'
import type { WallClock } from '../../shared/wall-clock.ts'

const TOKEN = /^tps_[A-Za-z0-9_-]{43}$/
const DAY_MS = 86_400_000
const DEFAULT_DAYS = 90
const MAX_DAYS = 365
/** Last use is noted no oftener than that. */
const TOUCH_EVERY_MS = 60_000

const audit = auditOf('token')

/** A service token as the API shows it; the token itself is told when it is made, and never again. */
export interface ServiceToken {
  id: number
  name: string
  last4: string
  scopes: string[]
  createdById: number
  expiresAt: string
  revokedAt: string | null
  lastUsedAt: string | null
  createdAt: string
}

export type ServiceTokens = ReturnType<typeof createServiceTokens>

/** Credentials of programs; of each only a keyed hash is stored. */
export function createServiceTokens({ db, clock, hashKey }: { db: Db['db']; clock: WallClock; hashKey: Uint8Array }) {
  const revocationListeners = new Set<() => void>()
  const hashOf = (token: string) => createHmac('sha256', hashKey).update(token).digest('hex')

  /** Newest first. */
  async function list({ limit, cursor }: TokenList): Promise<Page<ServiceToken>> {
    const before = afterId(cursor)
    const rows = await db
      .select()
      .from(serviceTokens)
      .where(before === null ? undefined : lt(serviceTokens.id, before))
      .orderBy(desc(serviceTokens.id))
      .limit(limit + 1)
    return pageOf(rows.map(toToken), limit, (token) => String(token.id))
  }

  /**
   * Nobody gives more than he has; `self` is a person's and goes to no program. Programs make none: a child would outlive
   * what it came from.
   */
  async function create(
    { name, scopes, expiresAt }: TokenCreate,
    creator: Identity,
    actor: Actor,
  ): Promise<{ token: string; item: ServiceToken }> {
    if (creator.kind === 'token') throw new AppError('forbidden', { message: 'Only a person makes service tokens' })
    for (const scope of scopes) {
      if (!isPermission(scope) || scope === 'self') throw new AppError('invalid_input', { field: 'scopes' })
      if (!isAllowed(creator, scope)) throw new AppError('forbidden', { field: 'scopes' })
    }
    const nowMs = clock.now()
    const end = expiresAt ?? new Date(nowMs + DEFAULT_DAYS * DAY_MS)
    if (end.getTime() <= nowMs || end.getTime() > nowMs + MAX_DAYS * DAY_MS) {
      throw new AppError('invalid_input', { field: 'expiresAt', message: 'At most a year ahead' })
    }
    const token = `tps_${randomBytes(32).toString('base64url')}`
    return db.transaction(async (tx) => {
      const [row] = await tx
        .insert(serviceTokens)
        .values({
          tokenHash: hashOf(token),
          last4: token.slice(-4),
          name,
          scopes,
          createdById: creator.userId,
          expiresAt: end,
        })
        .returning()
      if (!row) throw new AppError('internal')
      const item = toToken(row)
      await audit(tx, actor, 'tokens.create', item.id, { name, scopes, expiresAt: item.expiresAt })
      return { token, item }
    })
  }

  async function revoke(id: number, actor: Actor): Promise<ServiceToken> {
    const revoked = await db.transaction(async (tx) => {
      const [row] = await tx
        .update(serviceTokens)
        .set({ revokedAt: new Date(clock.now()) })
        .where(and(eq(serviceTokens.id, id), isNull(serviceTokens.revokedAt)))
        .returning()
      if (!row) throw new AppError('not_found', { field: 'id' })
      await audit(tx, actor, 'tokens.revoke', id, {})
      return toToken(row)
    })
    for (const listener of revocationListeners) listener()
    return revoked
  }

  /** Who speaks by this token; null for one that is unknown, revoked, too old, or whose creator is gone. */
  async function findByToken(token: string): Promise<TokenIdentity | null> {
    if (!TOKEN.test(token)) return null
    const [row] = await liveTokens().where(and(isLive(), eq(serviceTokens.tokenHash, hashOf(token))))
    return row ? seen(row) : null
  }

  async function findById(id: number): Promise<TokenIdentity | null> {
    const [row] = await liveTokens().where(and(isLive(), eq(serviceTokens.id, id)))
    return row ? seen(row) : null
  }

  /** Which of these live, with their creators' present roles. One query. */
  async function rolesOfLive(ids: number[]): Promise<Map<number, Role>> {
    if (ids.length === 0) return new Map()
    const rows = await liveTokens().where(and(isLive(), inArray(serviceTokens.id, ids)))
    return new Map(rows.map(({ tokenId, role }) => [tokenId, role]))
  }

  function liveTokens() {
    return db
      .select({
        tokenId: serviceTokens.id,
        name: serviceTokens.name,
        scopes: serviceTokens.scopes,
        userId: users.id,
        email: users.email,
        role: users.role,
        expiresAt: serviceTokens.expiresAt,
        lastUsedAt: serviceTokens.lastUsedAt,
      })
      .from(serviceTokens)
      .innerJoin(users, and(eq(users.id, serviceTokens.createdById), eq(users.status, 'active')))
      .$dynamic()
  }

  function isLive() {
    return and(isNull(serviceTokens.revokedAt), gt(serviceTokens.expiresAt, new Date(clock.now())))
  }

  async function seen({ lastUsedAt, scopes, ...row }: LiveToken): Promise<TokenIdentity> {
    const nowMs = clock.now()
    if (lastUsedAt === null || nowMs - lastUsedAt.getTime() >= TOUCH_EVERY_MS) {
      const before = new Date(nowMs - TOUCH_EVERY_MS)
      const isLongAgo = or(isNull(serviceTokens.lastUsedAt), lte(serviceTokens.lastUsedAt, before))
      await db
        .update(serviceTokens)
        .set({ lastUsedAt: new Date(nowMs) })
        .where(and(eq(serviceTokens.id, row.tokenId), isLongAgo))
    }
    return { kind: 'token', ...row, scopes: scopes.filter(isPermission) }
  }

  /** Calls back after a token was revoked here; those revoked elsewhere are found by looking. */
  function onRevoked(listener: () => void): () => void {
    revocationListeners.add(listener)
    return () => revocationListeners.delete(listener)
  }

  return { list, create, revoke, findByToken, findById, rolesOfLive, onRevoked }
}

type LiveToken = Omit<TokenIdentity, 'kind' | 'scopes'> & { scopes: string[]; lastUsedAt: Date | null }

function toToken(row: typeof serviceTokens.$inferSelect): ServiceToken {
  return {
    id: row.id,
    name: row.name,
    last4: row.last4,
    scopes: row.scopes,
    createdById: row.createdById,
    expiresAt: row.expiresAt.toISOString(),
    revokedAt: row.revokedAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
  }
}
