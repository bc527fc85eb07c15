import type { Db } from '@turnpike/db'
import { users } from '@turnpike/db/schema'
import { and, eq, sql } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import type { Identity } from '../../shared/identity.ts'
import type { Attempts } from './attempts.ts'
import type { Passwords } from './passwords.ts'
import type { Origin, Sessions } from './sessions.ts'

interface AuthOptions {
  db: Db['db']
  sessions: Sessions
  passwords: Passwords
  attempts: Attempts
}

export type Auth = ReturnType<typeof createAuth>

/** Signing in and out, and one's own password. */
export function createAuth({ db, sessions, passwords, attempts }: AuthOptions) {
  /** A wrong password, an unknown address and a disabled user are one answer after one and the same time. */
  async function login(email: string, password: string, origin: Origin) {
    if (!attempts.take(email, origin.ip)) throw new AppError('too_many_attempts')
    const [user] = await db
      .select({ id: users.id, passwordHash: users.passwordHash })
      .from(users)
      .where(and(eq(sql`lower(${users.email})`, email), eq(users.status, 'active')))
    const isRight = await passwords.verify(user?.passwordHash ?? null, password)
    if (!user || !isRight) throw new AppError('invalid_credentials')
    attempts.forget(email, origin.ip)
    return { userId: user.id, ...(await sessions.begin(user.id, origin)) }
  }

  /** Ends every other session of the user. */
  async function changePassword(caller: Identity, current: string, replacement: string, ip: string): Promise<void> {
    const account = `user ${caller.userId}`
    if (!attempts.take(account, ip)) throw new AppError('too_many_attempts')
    const [user] = await db.select({ passwordHash: users.passwordHash }).from(users).where(eq(users.id, caller.userId))
    if (!(await passwords.verify(user?.passwordHash ?? null, current))) {
      throw new AppError('invalid_credentials', { field: 'currentPassword', message: 'The current password is wrong' })
    }
    attempts.forget(account, ip)
    const passwordHash = await passwords.hash(replacement)
    await db.update(users).set({ passwordHash }).where(eq(users.id, caller.userId))
    await sessions.revokeOthers(caller.userId, caller.sessionId)
  }

  return { login, changePassword }
}
