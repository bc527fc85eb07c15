import type { SubscriptionAssign, SubscriptionExtend, SubscriptionList } from '@turnpike/core/inputs/subscriptions'
import { formatDollars } from '@turnpike/core/money'
import type { SubscriptionStatus } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { groups, subscriptions, users } from '@turnpike/db/schema'
import { and, asc, eq, gt, lte, ne } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import { type Actor, recordAudit } from '../../shared/audit.ts'
import { afterId, type Page, pageOf } from '../../shared/keyset.ts'
import { storedSettings } from '../../shared/stored-settings.ts'
import { currentWindows } from '../../shared/subscription-windows.ts'
import type { WallClock } from '../../shared/wall-clock.ts'

const DAY_MS = 86_400_000

/** A subscription as the API shows it: past its end it is `expired`. */
export interface Subscription {
  id: number
  userId: number
  groupId: number
  status: SubscriptionStatus
  startsAt: string
  expiresAt: string
  createdAt: string
}

/** One window of a subscription as it stands now; null = no limit, or not begun. */
export interface WindowProgress {
  spent: string
  limit: string | null
  remaining: string | null
  startedAt: string | null
  resetsAt: string | null
}

export interface SubscriptionProgress {
  subscription: Subscription
  day: WindowProgress
  week: WindowProgress
  month: WindowProgress
}

export type Subscriptions = ReturnType<typeof createSubscriptions>
export type Transaction = Parameters<Parameters<Db['db']['transaction']>[0]>[0]

/** Who may use which subscription group until when, and what he has spent there. */
export function createSubscriptions({ db, clock }: { db: Db['db']; clock: WallClock }) {
  const now = () => new Date(clock.now())

  async function list({ userId, groupId, status, limit, cursor }: SubscriptionList): Promise<Page<Subscription>> {
    const after = afterId(cursor)
    const rows = await db
      .select()
      .from(subscriptions)
      .where(
        and(
          userId === undefined ? undefined : eq(subscriptions.userId, userId),
          groupId === undefined ? undefined : eq(subscriptions.groupId, groupId),
          status && hasStatus(status),
          after === null ? undefined : gt(subscriptions.id, after),
        ),
      )
      .orderBy(asc(subscriptions.id))
      .limit(limit + 1)
    return pageOf(rows.map(toSubscription), limit, (subscription) => String(subscription.id))
  }

  function hasStatus(status: SubscriptionStatus) {
    if (status === 'revoked') return eq(subscriptions.status, 'revoked')
    const isOver = lte(subscriptions.expiresAt, now())
    return and(ne(subscriptions.status, 'revoked'), status === 'expired' ? isOver : gt(subscriptions.expiresAt, now()))
  }

  async function assign(input: SubscriptionAssign, actor: Actor): Promise<Subscription> {
    return db.transaction(async (tx) => {
      const made = await begin(tx, input)
      await audit(tx, actor, 'subscriptions.assign', made)
      return made
    })
  }

  /** A new one in place of one that is over; one that runs is a conflict. */
  async function begin(tx: Transaction, input: SubscriptionAssign): Promise<Subscription> {
    const { userId, groupId, startsAt = now() } = input
    const [user] = await tx.select({ status: users.status }).from(users).where(eq(users.id, userId)).for('update')
    if (!user || user.status === 'archived') throw new AppError('not_found', { field: 'userId' })
    const [group] = await tx.select().from(groups).where(eq(groups.id, groupId))
    if (!group || group.status === 'archived') throw new AppError('not_found', { field: 'groupId' })
    if (group.billing !== 'subscription') {
      throw new AppError('conflict', { field: 'groupId', message: 'This group is not billed by subscription' })
    }
    const days = input.days ?? group.validityDays
    if (days === null) throw new AppError('invalid_input', { field: 'days', message: 'This group has no usual length' })
    const running = await runningOf(tx, userId, groupId)
    if (running !== null) {
      throw new AppError('conflict', { field: 'groupId', message: 'This user has a subscription of this group' })
    }
    const expiresAt = new Date(startsAt.getTime() + days * DAY_MS)
    if (expiresAt <= now())
      throw new AppError('invalid_input', { field: 'startsAt', message: 'It would be over already' })
    const [row] = await tx.insert(subscriptions).values({ userId, groupId, startsAt, expiresAt }).returning()
    return found(row)
  }

  /** The user's subscription of the group that is not over; one that is over is marked so. */
  async function runningOf(tx: Transaction, userId: number, groupId: number): Promise<{ id: number } | null> {
    const isHis = and(eq(subscriptions.userId, userId), eq(subscriptions.groupId, groupId))
    const isActive = eq(subscriptions.status, 'active')
    await tx
      .update(subscriptions)
      .set({ status: 'expired' })
      .where(and(isHis, isActive, lte(subscriptions.expiresAt, now())))
    const [running] = await tx
      .select({ id: subscriptions.id })
      .from(subscriptions)
      .where(and(isHis, isActive))
      .for('update')
    return running ?? null
  }

  async function extend(input: SubscriptionExtend, actor: Actor): Promise<Subscription> {
    return db.transaction(async (tx) => {
      const extended = await prolong(tx, input)
      await audit(tx, actor, 'subscriptions.extend', extended, { days: input.days })
      return extended
    })
  }

  /** Days are added to its end, or to now where it is over. */
  async function prolong(tx: Transaction, { id, days }: SubscriptionExtend): Promise<Subscription> {
    const [current] = await tx.select().from(subscriptions).where(eq(subscriptions.id, id)).for('update')
    if (!current) throw new AppError('not_found', { field: 'id' })
    if (current.status === 'revoked') throw new AppError('conflict', { message: 'A revoked subscription stays so' })
    const running = await runningOf(tx, current.userId, current.groupId)
    if (running !== null && running.id !== id) {
      throw new AppError('conflict', { message: 'This user has a newer subscription of this group' })
    }
    const from = Math.max(current.expiresAt.getTime(), clock.now())
    const [row] = await tx
      .update(subscriptions)
      .set({ status: 'active', expiresAt: new Date(from + days * DAY_MS) })
      .where(eq(subscriptions.id, id))
      .returning()
    return found(row)
  }

  /** Days of a group, however he comes to them: his running subscription gets longer, or he gets one. */
  async function grant(tx: Transaction, { userId, groupId, days }: { userId: number; groupId: number; days: number }) {
    const running = await runningOf(tx, userId, groupId)
    return running === null ? begin(tx, { userId, groupId, days }) : prolong(tx, { id: running.id, days })
  }

  async function revoke(id: number, actor: Actor): Promise<Subscription> {
    return db.transaction(async (tx) => {
      const [row] = await tx
        .update(subscriptions)
        .set({ status: 'revoked' })
        .where(eq(subscriptions.id, id))
        .returning()
      const revoked = found(row)
      await audit(tx, actor, 'subscriptions.revoke', revoked)
      return revoked
    })
  }

  async function progress(id: number): Promise<SubscriptionProgress> {
    const [row] = await db
      .select({ subscription: subscriptions, group: groups })
      .from(subscriptions)
      .innerJoin(groups, eq(groups.id, subscriptions.groupId))
      .where(eq(subscriptions.id, id))
    if (!row) throw new AppError('not_found', { field: 'id' })
    const { subscription, group } = row
    const { timeZone } = await storedSettings(db)
    const windows = currentWindows(
      {
        day: { startedAt: subscription.dayStartedAt, spentNano: subscription.daySpentNano },
        week: { startedAt: subscription.weekStartedAt, spentNano: subscription.weekSpentNano },
        month: { startedAt: subscription.monthStartedAt, spentNano: subscription.monthSpentNano },
      },
      clock.now(),
      timeZone,
    )
    return {
      subscription: toSubscription(subscription),
      day: toProgress(windows.day, group.limitDayNano),
      week: toProgress(windows.week, group.limitWeekNano),
      month: toProgress(windows.month, group.limitMonthNano),
    }
  }

  function found(row: SubscriptionRow | undefined): Subscription {
    if (!row) throw new AppError('not_found', { field: 'id' })
    return toSubscription(row)
  }

  function toSubscription(row: SubscriptionRow): Subscription {
    const isOver = row.status === 'active' && row.expiresAt.getTime() <= clock.now()
    return {
      id: row.id,
      userId: row.userId,
      groupId: row.groupId,
      status: isOver ? 'expired' : row.status,
      startsAt: row.startsAt.toISOString(),
      expiresAt: row.expiresAt.toISOString(),
      createdAt: row.createdAt.toISOString(),
    }
  }

  return { list, assign, extend, revoke, progress, grant }
}

type SubscriptionRow = typeof subscriptions.$inferSelect

function toProgress(
  { spentNano, startedAt, resetsAt }: ReturnType<typeof currentWindows>['day'],
  limitNano: bigint | null,
): WindowProgress {
  const leftNano = limitNano === null ? null : limitNano > spentNano ? limitNano - spentNano : 0n
  return {
    spent: formatDollars(spentNano),
    limit: limitNano === null ? null : formatDollars(limitNano),
    remaining: leftNano === null ? null : formatDollars(leftNano),
    startedAt,
    resetsAt,
  }
}

function audit(tx: Transaction, actor: Actor, action: string, { id, ...change }: Subscription, more: object = {}) {
  return recordAudit(tx, actor, { action, target: { type: 'subscription', id }, change: { ...change, ...more } })
}
