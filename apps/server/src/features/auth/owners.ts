import { randomBytes } from 'node:crypto'
import type { Db } from '@turnpike/db'
import { users } from '@turnpike/db/schema'
import { and, asc, eq, ne, sql } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import type { Passwords } from './passwords.ts'
import type { Sessions } from './sessions.ts'

const PASSWORD_BYTES = 15

export interface FirstOwner {
  email: string
  password: string
  /** Requests in flight; left out = the usual. */
  concurrency?: number | undefined
}

/** The owner there is now; `passwordMatches` is false where it was changed since. */
export interface PresentOwner {
  userId: number
  email: string
  passwordMatches: boolean
}

interface OwnersOptions {
  db: Db['db']
  passwords: Passwords
  sessions: Pick<Sessions, 'revokeOthers'>
}

type Builder = Pick<Db['db'], 'select' | 'insert' | 'update'>

export type Owners = ReturnType<typeof createOwners>

/** Who owns an installation: the first owner, and the way back in for somebody with access to the machine. */
export function createOwners({ db, passwords, sessions }: OwnersOptions) {
  /**
   * Makes the first owner where there is none. Where there is one, nothing is changed, and he is who is reported: the
   * one with this e-mail address, else the oldest.
   */
  async function ensureOwner({ email, password, concurrency }: FirstOwner): Promise<PresentOwner> {
    return (await findOwner(email, password)) ?? createOwner(db, { email, password, concurrency })
  }

  async function findOwner(email: string, password: string): Promise<PresentOwner | null> {
    const [owner] = await db
      .select({ userId: users.id, email: users.email, passwordHash: users.passwordHash })
      .from(users)
      .where(and(eq(users.role, 'owner'), eq(users.status, 'active')))
      .orderBy(sql`lower(${users.email}) = ${email.toLowerCase()} desc`, asc(users.id))
      .limit(1)
    if (!owner) return null
    const { userId, passwordHash } = owner
    return { userId, email: owner.email, passwordMatches: await passwords.verify(passwordHash, password) }
  }

  // Somebody who has the address already and owns nothing yet becomes the owner.
  async function createOwner(tx: Builder, { email, password, concurrency }: FirstOwner): Promise<PresentOwner> {
    const passwordHash = await passwords.hash(password)
    const values = { role: 'owner', status: 'active', passwordHash } as const
    const isHis = eq(sql`lower(${users.email})`, email.toLowerCase())
    const raised = await tx.update(users).set(values).where(isHis).returning({ userId: users.id, email: users.email })
    const [owner] =
      raised.length > 0
        ? raised
        : await tx
            .insert(users)
            .values({ ...values, email: email.toLowerCase(), name: 'Owner', concurrency })
            .returning({ userId: users.id, email: users.email })
    if (!owner) throw new AppError('internal')
    return { ...owner, passwordMatches: true }
  }

  async function hasOwner(tx: Builder): Promise<boolean> {
    const owners = await tx
      .select({ id: users.id })
      .from(users)
      .where(and(eq(users.role, 'owner'), eq(users.status, 'active')))
      .limit(1)
    return owners.length > 0
  }

  /** A new password for a user who cannot sign in any more; ends his sessions. Null where there is no such user. */
  async function resetPassword(email: string): Promise<string | null> {
    const password = randomBytes(PASSWORD_BYTES).toString('base64url')
    const passwordHash = await passwords.hash(password)
    const [user] = await db
      .update(users)
      .set({ passwordHash, status: 'active' })
      .where(and(eq(sql`lower(${users.email})`, email.trim().toLowerCase()), ne(users.status, 'archived')))
      .returning({ id: users.id })
    if (!user) return null
    await sessions.revokeOthers(user.id, null)
    return password
  }

  return { ensureOwner, createOwner, hasOwner, resetPassword }
}
