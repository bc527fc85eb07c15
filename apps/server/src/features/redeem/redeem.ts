import { createHmac, randomBytes } from 'node:crypto'
import type { RedeemExpire, RedeemGenerate, RedeemList } from '@turnpike/core/inputs/redeem'
import { formatDollars } from '@turnpike/core/money'
import type { RedeemKind } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { balanceChanges, groups, redeemCodes, users } from '@turnpike/db/schema'
import { and, desc, eq, gt, inArray, isNotNull, isNull, lt, lte, or, sql } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import { type Actor, auditOf } from '../../shared/audit.ts'
import { afterId, type Page, pageOf } from '../../shared/keyset.ts'
import type { WallClock } from '../../shared/wall-clock.ts'

const CODE_BYTES = 20
const CODE = /^tpr-[a-z2-7]{32}$/
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

const audit = auditOf('redeem code')

/** A code as the API shows it; the code itself is told when it is made, and never again. */
export interface RedeemCode {
  id: number
  last4: string
  kind: RedeemKind
  status: 'open' | 'redeemed' | 'expired'
  amount: string | null
  groupId: number | null
  days: number | null
  notes: string
  expiresAt: string | null
  redeemedById: number | null
  redeemedAt: string | null
  createdAt: string
}

/** What a code gave to whoever redeemed it. */
export interface Redeemed {
  kind: RedeemKind
  amount: string | null
  groupId: number | null
  days: number | null
}

type Transaction = Parameters<Parameters<Db['db']['transaction']>[0]>[0]

interface RedeemOptions {
  db: Db['db']
  clock: WallClock
  hashKey: Uint8Array
  /** Days of a subscription group for a user. */
  grantDays(tx: Transaction, grant: { userId: number; groupId: number; days: number }): Promise<unknown>
  /** Bounds guessing: false = no more tries for now. */
  attempts: { take(account: string, ip: string): boolean; forget(account: string, ip: string): void }
}

export type RedeemCodes = ReturnType<typeof createRedeemCodes>

/** Codes that add to a balance or give days of a subscription, once each. */
export function createRedeemCodes({ db, clock, hashKey, grantDays, attempts }: RedeemOptions) {
  const now = () => new Date(clock.now())
  const hashOf = (code: string) => createHmac('sha256', hashKey).update(code).digest('hex')

  /** Newest first. */
  async function list({ kind, status, limit, cursor }: RedeemList): Promise<Page<RedeemCode>> {
    const before = afterId(cursor)
    const rows = await db
      .select()
      .from(redeemCodes)
      .where(
        and(
          kind && eq(redeemCodes.kind, kind),
          status && hasStatus(status),
          before === null ? undefined : lt(redeemCodes.id, before),
        ),
      )
      .orderBy(desc(redeemCodes.id))
      .limit(limit + 1)
    return pageOf(rows.map(toCode), limit, (code) => String(code.id))
  }

  function hasStatus(status: RedeemCode['status']) {
    if (status === 'redeemed') return isNotNull(redeemCodes.redeemedAt)
    return and(isNull(redeemCodes.redeemedAt), status === 'expired' ? lte(redeemCodes.expiresAt, now()) : isOpen())
  }

  function isOpen() {
    return or(isNull(redeemCodes.expiresAt), gt(redeemCodes.expiresAt, now()))
  }

  async function generate(input: RedeemGenerate, actor: Actor): Promise<{ codes: string[]; items: RedeemCode[] }> {
    const gives =
      input.kind === 'balance'
        ? { amountNano: input.amount, groupId: null, days: null }
        : { amountNano: null, groupId: input.groupId, days: input.days }
    const codes = Array.from({ length: input.count }, makeCode)
    return db.transaction(async (tx) => {
      if (input.kind === 'subscription') await refuseOtherGroups(tx, input.groupId)
      const rows = await tx
        .insert(redeemCodes)
        .values(
          codes.map((code) => ({
            codeHash: hashOf(code),
            last4: code.slice(-4),
            kind: input.kind,
            ...gives,
            notes: input.notes,
            expiresAt: input.expiresAt,
            createdById: actor.kind === 'user' ? actor.id : null,
          })),
        )
        .returning()
      const items = rows.map(toCode)
      const { amount = null, groupId = null, days = null } = items[0] ?? {}
      const change = { count: input.count, kind: input.kind, amount, groupId, days, notes: input.notes }
      await audit(tx, actor, 'redeem.generate', null, change)
      return { codes, items }
    })
  }

  /** Ends codes that nobody has redeemed; the others stay as they are. */
  async function expire({ ids }: RedeemExpire, actor: Actor): Promise<{ items: RedeemCode[] }> {
    return db.transaction(async (tx) => {
      const rows = await tx
        .update(redeemCodes)
        .set({ expiresAt: now() })
        .where(and(inArray(redeemCodes.id, ids), isNull(redeemCodes.redeemedAt)))
        .returning()
      if (rows.length === 0) throw new AppError('not_found', { field: 'ids' })
      await audit(tx, actor, 'redeem.expire', null, { ids: rows.map(({ id }) => id) })
      return { items: rows.map(toCode) }
    })
  }

  /** Once, by whoever is first. A code that is unknown, used or over is told as one that is not there. */
  async function redeem(userId: number, text: string, actor: Actor): Promise<Redeemed> {
    const account = `redeem ${userId}`
    if (!attempts.take(account, actor.ip ?? '')) throw new AppError('too_many_attempts')
    const code = text.trim().toLowerCase()
    const redeemed = await db.transaction(async (tx) => {
      const [row] = CODE.test(code)
        ? await tx
            .update(redeemCodes)
            .set({ redeemedById: userId, redeemedAt: now() })
            .where(and(eq(redeemCodes.codeHash, hashOf(code)), isNull(redeemCodes.redeemedAt), isOpen()))
            .returning()
        : []
      if (!row) return null
      await give(tx, userId, row, actor)
      const { kind, amount, groupId, days } = toCode(row)
      await audit(tx, actor, 'redeem.redeem', row.id, { kind, amount, groupId, days })
      return { kind, amount, groupId, days }
    })
    if (redeemed === null) throw new AppError('not_found', { field: 'code', message: 'This code cannot be redeemed' })
    attempts.forget(account, actor.ip ?? '')
    return redeemed
  }

  async function give(tx: Transaction, userId: number, row: RedeemRow, actor: Actor): Promise<void> {
    if (row.groupId !== null && row.days !== null) {
      await grantDays(tx, { userId, groupId: row.groupId, days: row.days })
      return
    }
    const amountNano = row.amountNano ?? 0n
    await tx
      .update(users)
      .set({ balanceNano: sql`${users.balanceNano} + ${amountNano}` })
      .where(eq(users.id, userId))
    await tx.insert(balanceChanges).values({
      userId,
      kind: 'redeem',
      amountNano,
      reason: row.notes,
      redeemCodeId: row.id,
      actorUserId: actor.kind === 'user' ? actor.id : null,
    })
  }

  function toCode(row: RedeemRow): RedeemCode {
    const isOver = row.expiresAt !== null && row.expiresAt.getTime() <= clock.now()
    return {
      id: row.id,
      last4: row.last4,
      kind: row.kind,
      status: row.redeemedAt !== null ? 'redeemed' : isOver ? 'expired' : 'open',
      amount: row.amountNano === null ? null : formatDollars(row.amountNano),
      groupId: row.groupId,
      days: row.days,
      notes: row.notes,
      expiresAt: row.expiresAt?.toISOString() ?? null,
      redeemedById: row.redeemedById,
      redeemedAt: row.redeemedAt?.toISOString() ?? null,
      createdAt: row.createdAt.toISOString(),
    }
  }

  return { list, generate, expire, redeem }
}

type RedeemRow = typeof redeemCodes.$inferSelect

/** 160 bits, five to a character. */
function makeCode(): string {
  let bits = ''
  for (const byte of randomBytes(CODE_BYTES)) bits += byte.toString(2).padStart(8, '0')
  const letters = bits.match(/.{5}/g) ?? []
  return `tpr-${letters.map((five) => ALPHABET.charAt(Number.parseInt(five, 2))).join('')}`
}

async function refuseOtherGroups(tx: Transaction, groupId: number): Promise<void> {
  const [group] = await tx.select().from(groups).where(eq(groups.id, groupId))
  if (!group || group.status === 'archived') throw new AppError('not_found', { field: 'groupId' })
  if (group.billing === 'subscription') return
  throw new AppError('conflict', { field: 'groupId', message: 'This group is not billed by subscription' })
}
