import { createHmac, randomBytes } from 'node:crypto'
import type { Role } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { sessions, users } from '@turnpike/db/schema'
import { and, desc, eq, gt, inArray, isNull, lt, ne } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import type { SessionIdentity } from '../../shared/identity.ts'
import { afterId, type Page, pageOf } from '../../shared/keyset.ts'
import { storedSettings } from '../../shared/stored-settings.ts'
import type { WallClock } from '../../shared/wall-clock.ts'

const IDLE_MS = 30 * 60_000
const HOUR_MS = 60 * 60_000
const TOUCH_EVERY_MS = 60_000
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/** One of the caller's own sessions. */
export interface Session {
  id: number
  createdAt: string
  lastSeenAt: string
  expiresAt: string
  ip: string | null
  userAgent: string | null
  /** The one this call was made with. */
  current: boolean
}

/** From where a session was begun. */
export interface Origin {
  ip: string
  userAgent: string | null
}

export type Sessions = ReturnType<typeof createSessions>

/** Sessions in the database: opaque tokens, of which only a keyed hash is stored. */
export function createSessions({ db, clock, hashKey }: { db: Db['db']; clock: WallClock; hashKey: Uint8Array }) {
  const revocationListeners = new Set<() => void>()

  async function begin(userId: number, { ip, userAgent }: Origin): Promise<{ token: string; expiresAt: Date }> {
    const token = randomBytes(32).toString('base64url')
    const now = new Date(clock.now())
    const { 'sessions.absoluteHours': hours } = await storedSettings(db)
    const expiresAt = new Date(now.getTime() + hours * HOUR_MS)
    await db.delete(sessions).where(and(eq(sessions.userId, userId), lt(sessions.expiresAt, now)))
    await db.insert(sessions).values({
      tokenHash: hashOf(token),
      userId,
      createdAt: now,
      lastSeenAt: now,
      expiresAt,
      ip,
      userAgent: userAgent?.slice(0, 400) ?? null,
    })
    return { token, expiresAt }
  }

  /** The caller whose cookie this is; finding him counts as his activity. */
  async function findByToken(token: string): Promise<SessionIdentity | null> {
    if (!TOKEN.test(token)) return null
    const [row] = await liveSessions().where(and(isLive(), eq(sessions.tokenHash, hashOf(token))))
    return row ? seen(row) : null
  }

  async function findById(sessionId: number): Promise<SessionIdentity | null> {
    const [row] = await liveSessions().where(and(isLive(), eq(sessions.id, sessionId)))
    return row ? seen(row) : null
  }

  /** Which of these sessions live, with their users' present roles. One query, no activity. */
  async function rolesOfLive(sessionIds: number[]): Promise<Map<number, Role>> {
    if (sessionIds.length === 0) return new Map()
    const rows = await liveSessions().where(and(isLive(), inArray(sessions.id, sessionIds)))
    return new Map(rows.map(({ sessionId, role }) => [sessionId, role]))
  }

  /** An open socket is activity. */
  async function touch(sessionIds: number[]): Promise<void> {
    if (sessionIds.length === 0) return
    await db
      .update(sessions)
      .set({ lastSeenAt: new Date(clock.now()) })
      .where(and(isLive(), inArray(sessions.id, sessionIds)))
  }

  async function list(
    { userId, sessionId }: SessionIdentity,
    limit: number,
    cursor?: string | null,
  ): Promise<Page<Session>> {
    const before = afterId(cursor)
    const rows = await db
      .select()
      .from(sessions)
      .where(and(eq(sessions.userId, userId), isLive(), before === null ? undefined : lt(sessions.id, before)))
      .orderBy(desc(sessions.id))
      .limit(limit + 1)
    return pageOf(
      rows.map((row) => toSession(row, sessionId)),
      limit,
      (session) => String(session.id),
    )
  }

  /** Ends one session of the caller; another's looks like none. */
  async function revoke(caller: SessionIdentity, id: number): Promise<Session> {
    const [row] = await db
      .update(sessions)
      .set({ revokedAt: new Date(clock.now()) })
      .where(and(eq(sessions.id, id), eq(sessions.userId, caller.userId), isLive()))
      .returning()
    if (!row) throw new AppError('not_found', { field: 'id' })
    announce()
    return toSession(row, caller.sessionId)
  }

  /** Ends every session of a user but one. */
  async function revokeOthers(userId: number, keepId: number | null): Promise<void> {
    await db
      .update(sessions)
      .set({ revokedAt: new Date(clock.now()) })
      .where(
        and(
          eq(sessions.userId, userId),
          isNull(sessions.revokedAt),
          keepId === null ? undefined : ne(sessions.id, keepId),
        ),
      )
    announce()
  }

  /** Calls back after sessions were ended here; those ended elsewhere are found by looking. */
  function onRevoked(listener: () => void): () => void {
    revocationListeners.add(listener)
    return () => revocationListeners.delete(listener)
  }

  function announce(): void {
    for (const listener of revocationListeners) listener()
  }

  function liveSessions() {
    return db
      .select({
        sessionId: sessions.id,
        userId: users.id,
        email: users.email,
        role: users.role,
        expiresAt: sessions.expiresAt,
        lastSeenAt: sessions.lastSeenAt,
      })
      .from(sessions)
      .innerJoin(users, and(eq(users.id, sessions.userId), eq(users.status, 'active')))
      .$dynamic()
  }

  function isLive() {
    const nowMs = clock.now()
    return and(
      isNull(sessions.revokedAt),
      gt(sessions.expiresAt, new Date(nowMs)),
      gt(sessions.lastSeenAt, new Date(nowMs - IDLE_MS)),
    )
  }

  async function seen({
    lastSeenAt,
    ...row
  }: Omit<SessionIdentity, 'kind'> & { lastSeenAt: Date }): Promise<SessionIdentity> {
    if (clock.now() - lastSeenAt.getTime() >= TOUCH_EVERY_MS) await touch([row.sessionId])
    return { kind: 'session', ...row }
  }

  function hashOf(token: string): string {
    return createHmac('sha256', hashKey).update(token).digest('hex')
  }

  return { begin, findByToken, findById, rolesOfLive, touch, list, revoke, revokeOthers, onRevoked }
}

function toSession(row: typeof sessions.$inferSelect, currentId: number): Session {
  return {
    id: row.id,
    createdAt: row.createdAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    ip: row.ip,
    userAgent: row.userAgent,
    current: row.id === currentId,
  }
}
