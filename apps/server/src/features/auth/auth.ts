import type { Db } from '@turnpike/db'
import { users } from '@turnpike/db/schema'
import { and, eq, sql } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import { type Actor, recordAudit } from '../../shared/audit.ts'
import type { SessionIdentity } from '../../shared/identity.ts'
import { NO_SECOND_FACTOR } from '../../shared/second-factor.ts'
import type { Attempts } from './attempts.ts'
import type { Invites } from './invites.ts'
import type { Passwords } from './passwords.ts'
import type { Origin, Sessions } from './sessions.ts'
import type { SecondFactor } from './totp.ts'

interface AuthOptions {
  db: Db['db']
  sessions: Sessions
  passwords: Passwords
  attempts: Attempts
  invites: Invites
  secondFactor: SecondFactor
}

interface Credentials {
  email: string
  password: string
  totp?: string | undefined
}

export type Auth = ReturnType<typeof createAuth>

/** Signing in and out, and one's own password. */
export function createAuth({ db, sessions, passwords, attempts, invites, secondFactor }: AuthOptions) {
  /** A wrong password, an unknown address and a disabled user are one answer after one and the same time. */
  async function login({ email, password, totp }: Credentials, origin: Origin, requestId: string) {
    if (!attempts.take(email, origin.ip)) throw new AppError('too_many_attempts')
    const [user] = await db
      .select()
      .from(users)
      .where(and(eq(sql`lower(${users.email})`, email), eq(users.status, 'active')))
    const isRight = await passwords.verify(user?.passwordHash ?? null, password)
    if (!user || !isRight) throw new AppError('invalid_credentials')
    if (user.totpEnabledAt !== null) {
      if (totp === undefined) throw new AppError('totp_required', { field: 'totp' })
      if (!(await secondFactor.passes(db, user, totp))) throw new AppError('invalid_credentials', { field: 'totp' })
    }
    attempts.forget(email, origin.ip)
    const actor: Actor = { kind: 'user', id: user.id, name: email, ip: origin.ip, requestId }
    await db.transaction((tx) => audit(tx, actor, 'auth.login'))
    return { userId: user.id, ...(await sessions.begin(user.id, origin)) }
  }

  /** Sets the password of who was invited, once, and signs him in. A link that is unknown, used or too old: one answer. */
  async function acceptInvite(token: string, password: string, origin: Origin, requestId: string) {
    if (!attempts.take('invitation', origin.ip)) throw new AppError('too_many_attempts')
    const passwordHash = await passwords.hash(password)
    const userId = await db.transaction(async (tx) => {
      const invited = await invites.take(tx, token)
      if (invited === null) return null
      const [user] = await tx
        .update(users)
        .set({ passwordHash })
        .where(and(eq(users.id, invited), eq(users.status, 'active')))
        .returning({ id: users.id, email: users.email })
      if (user === undefined) return null
      await audit(tx, { kind: 'user', id: user.id, name: user.email, ip: origin.ip, requestId }, 'auth.acceptInvite')
      return user.id
    })
    if (userId === null) {
      throw new AppError('invalid_credentials', { message: 'This link was used or is too old; ask for a new one' })
    }
    attempts.forget('invitation', origin.ip)
    return { userId, ...(await sessions.begin(userId, origin)) }
  }

  /** Ends every other session of the user. */
  async function changePassword(
    caller: SessionIdentity,
    current: string,
    replacement: string,
    actor: Actor,
  ): Promise<void> {
    const ip = actor.ip ?? ''
    const account = `user ${caller.userId}`
    if (!attempts.take(account, ip)) throw new AppError('too_many_attempts')
    const [user] = await db.select({ passwordHash: users.passwordHash }).from(users).where(eq(users.id, caller.userId))
    if (!(await passwords.verify(user?.passwordHash ?? null, current))) {
      throw new AppError('invalid_credentials', { field: 'currentPassword', message: 'The current password is wrong' })
    }
    attempts.forget(account, ip)
    const passwordHash = await passwords.hash(replacement)
    await db.transaction(async (tx) => {
      await tx.update(users).set({ passwordHash }).where(eq(users.id, caller.userId))
      await audit(tx, actor, 'auth.changePassword')
    })
    await sessions.revokeOthers(caller.userId, caller.sessionId)
  }

  /** The password and a code: neither a stolen session nor a stolen phone takes the second factor away. */
  async function disableSecondFactor(userId: number, password: string, code: string, actor: Actor): Promise<void> {
    const account = `user ${userId}`
    if (!attempts.take(account, actor.ip ?? '')) throw new AppError('too_many_attempts')
    const [user] = await db.select().from(users).where(eq(users.id, userId))
    const isRight = await passwords.verify(user?.passwordHash ?? null, password)
    if (!user || !isRight) throw new AppError('invalid_credentials', { field: 'password' })
    await db.transaction(async (tx) => {
      if (user.totpEnabledAt === null) throw new AppError('conflict', { message: 'There is no second factor' })
      if (!(await secondFactor.passes(tx, user, code))) throw new AppError('invalid_credentials', { field: 'code' })
      await tx.update(users).set(NO_SECOND_FACTOR).where(eq(users.id, userId))
      await audit(tx, actor, 'auth.totp.disable')
    })
    attempts.forget(account, actor.ip ?? '')
  }

  return { login, acceptInvite, changePassword, disableSecondFactor }
}

function audit(tx: Parameters<typeof recordAudit>[0], actor: Actor, action: string): Promise<void> {
  return recordAudit(tx, actor, { action, target: { type: 'user', id: actor.id }, change: {} })
}
