import { createHmac, randomBytes } from 'node:crypto'
import type { Db } from '@turnpike/db'
import { users } from '@turnpike/db/schema'
import { and, arrayContains, eq, isNull, lt, or, sql } from 'drizzle-orm'
import { Secret, TOTP } from 'otpauth'
import { AppError } from '../../shared/app-error.ts'
import { type Actor, recordAudit } from '../../shared/audit.ts'
import type { SecretBox } from '../../shared/secret-box.ts'
import type { WallClock } from '../../shared/wall-clock.ts'

const ISSUER = 'Turnpike'
const PERIOD_S = 30
const SECRET_BYTES = 20
/** Clocks of phones are a step off at times. */
const WINDOW_STEPS = 1
const RECOVERY_CODES = 10
const RECOVERY_BYTES = 10

type Builder = Pick<Db['db'], 'update'>
type UserRow = typeof users.$inferSelect

export type SecondFactor = ReturnType<typeof createSecondFactor>

export interface SecondFactorState {
  enabled: boolean
  recoveryCodesLeft: number
}

interface SecondFactorOptions {
  db: Db['db']
  box: SecretBox
  clock: WallClock
}

/** One-time codes of an authenticator app (RFC 6238), and recovery codes for when it is lost. */
export function createSecondFactor({ db, box, clock }: SecondFactorOptions) {
  const hashKey = box.derive('recovery codes')
  const hashOf = (code: string) => createHmac('sha256', hashKey).update(code).digest('hex')
  const placeOf = (userId: number) => ({ table: 'users', column: 'totp_secret_sealed', row: userId })

  /** A new secret, to be confirmed by a code made with it; until then it counts for nothing. */
  async function begin(userId: number, email: string): Promise<{ secret: string; uri: string }> {
    const secret = new Secret({ buffer: new Uint8Array(randomBytes(SECRET_BYTES)).buffer })
    const [begun] = await db
      .update(users)
      .set({ totpSecretSealed: box.seal(secret.base32, placeOf(userId)), totpLastStep: null })
      .where(and(eq(users.id, userId), isNull(users.totpEnabledAt)))
      .returning({ id: users.id })
    if (!begun) throw new AppError('conflict', { message: 'A second factor is in use already' })
    return { secret: secret.base32, uri: generator(secret, email).toString() }
  }

  /** From now on a code is asked for at sign-in. The recovery codes are told here and never again. */
  async function confirm(userId: number, code: string, actor: Actor): Promise<{ recoveryCodes: string[] }> {
    const recoveryCodes = Array.from({ length: RECOVERY_CODES }, makeRecoveryCode)
    await db.transaction(async (tx) => {
      const [user] = await tx.select().from(users).where(eq(users.id, userId)).for('update')
      if (!user?.totpSecretSealed || user.totpEnabledAt !== null) {
        throw new AppError('conflict', { message: 'There is no second factor to confirm' })
      }
      if (!(await isTaken(tx, user, code))) throw new AppError('invalid_credentials', { field: 'code' })
      const enabled = { totpEnabledAt: new Date(clock.now()), recoveryCodeHashes: recoveryCodes.map(hashOf) }
      await tx.update(users).set(enabled).where(eq(users.id, userId))
      await recordAudit(tx, actor, { action: 'auth.totp.confirm', target: { type: 'user', id: userId }, change: {} })
    })
    return { recoveryCodes }
  }

  /** Takes a one-time code: the same one is not good again, nor is an older one. */
  async function isTaken(tx: Builder, user: UserRow, code: string): Promise<boolean> {
    if (user.totpSecretSealed === null) return false
    const secret = Secret.fromBase32(box.open(user.totpSecretSealed, placeOf(user.id)))
    const timestamp = clock.now()
    const token = code.replaceAll(' ', '')
    const delta = generator(secret, user.email).validate({ token, timestamp, window: WINDOW_STEPS })
    if (delta === null) return false
    const step = Math.floor(timestamp / 1_000 / PERIOD_S) + delta
    const taken = await tx
      .update(users)
      .set({ totpLastStep: step })
      .where(and(eq(users.id, user.id), or(isNull(users.totpLastStep), lt(users.totpLastStep, step))))
      .returning({ id: users.id })
    return taken.length > 0
  }

  /** A one-time code, or a recovery code, which is used up by it. */
  async function passes(tx: Builder, user: UserRow, code: string): Promise<boolean> {
    if (await isTaken(tx, user, code)) return true
    const hash = hashOf(code.trim().toLowerCase())
    const used = await tx
      .update(users)
      .set({ recoveryCodeHashes: sql`array_remove(${users.recoveryCodeHashes}, ${hash})` })
      .where(and(eq(users.id, user.id), arrayContains(users.recoveryCodeHashes, [hash])))
      .returning({ id: users.id })
    return used.length > 0
  }

  /** What the owner of an account may know of it. */
  async function stateOf(userId: number): Promise<SecondFactorState> {
    const [user] = await db
      .select({ enabledAt: users.totpEnabledAt, left: sql<number>`cardinality(${users.recoveryCodeHashes})` })
      .from(users)
      .where(eq(users.id, userId))
    return user && user.enabledAt !== null
      ? { enabled: true, recoveryCodesLeft: user.left }
      : { enabled: false, recoveryCodesLeft: 0 }
  }

  return { begin, confirm, passes, stateOf }
}

function generator(secret: Secret, label: string): TOTP {
  return new TOTP({ issuer: ISSUER, label, algorithm: 'SHA1', digits: 6, period: PERIOD_S, secret })
}

/** 80 bits in four groups. */
function makeRecoveryCode(): string {
  const hex = randomBytes(RECOVERY_BYTES).toString('hex')
  return (hex.match(/.{5}/g) ?? []).join('-')
}
