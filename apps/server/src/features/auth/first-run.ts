import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Db } from '@turnpike/db'
import { sql } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import { recordAudit } from '../../shared/audit.ts'
import type { Attempts } from './attempts.ts'
import type { FirstOwner, Owners } from './owners.ts'
import type { Origin, Sessions } from './sessions.ts'

/** One set-up at a time, over all instances. */
const SETUP_LOCK = 7_016_003

export interface FirstRunOptions {
  db: Db['db']
  tokenKey: Uint8Array
  /** Something that no other database has. */
  databaseMark(): Promise<string>
  owners: Pick<Owners, 'hasOwner' | 'createOwner'>
  sessions: Pick<Sessions, 'begin'>
  attempts: Attempts
}

export type FirstRun = ReturnType<typeof createFirstRun>

/**
 * An installation without an owner is given one by who can read what the server printed at its start. The token is the same
 * on every instance and belongs to this database; with the first owner it is void for good.
 */
export function createFirstRun({ db, tokenKey, databaseMark, owners, sessions, attempts }: FirstRunOptions) {
  // The last owner stays an owner, so what was seen once holds.
  let isOver = false

  async function isNeeded(): Promise<boolean> {
    isOver ||= await owners.hasOwner(db)
    return !isOver
  }

  /** Null where there is an owner. */
  async function token(): Promise<string | null> {
    return (await isNeeded()) ? makeToken() : null
  }

  async function makeToken(): Promise<string> {
    return createHmac('sha256', tokenKey)
      .update(await databaseMark())
      .digest('base64url')
  }

  /** Makes the first owner and signs him in. */
  async function setup(given: string, owner: FirstOwner, origin: Origin, requestId: string) {
    if (!attempts.take('setup', origin.ip)) throw new AppError('too_many_attempts')
    if (!(await isNeeded())) throw new AppError('conflict', { message: 'This installation has an owner' })
    if (!isSame(given.trim(), await makeToken())) {
      throw new AppError('invalid_credentials', {
        field: 'token',
        message: 'This is not the token of this installation',
      })
    }
    const userId = await db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(${SETUP_LOCK})`)
      if (await owners.hasOwner(tx)) throw new AppError('conflict', { message: 'This installation has an owner' })
      const { userId, email } = await owners.createOwner(tx, owner)
      await recordAudit(
        tx,
        { kind: 'user', id: userId, name: email, ip: origin.ip, requestId },
        { action: 'auth.setup', target: { type: 'user', id: userId }, change: { email } },
      )
      return userId
    })
    isOver = true
    attempts.forget('setup', origin.ip)
    return { userId, ...(await sessions.begin(userId, origin)) }
  }

  return { isNeeded, token, setup }
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
