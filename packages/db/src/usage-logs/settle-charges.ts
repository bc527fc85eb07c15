import { calendarStarts, windowStarts } from '@turnpike/core/billing/windows'
import type { BillingMode } from '@turnpike/core/words'
import type { TransactionSql } from 'postgres'

/** What some requests of one key were billed: rows that were written just now, in this transaction. */
export interface Charge {
  /** Null in records of older versions, which charge nothing to anybody. */
  billing: BillingMode | null
  userId: number
  keyId: number
  subscriptionId: number | null
  /** What they were reserved from. */
  leases: readonly string[]
  billedNano: bigint
  /** A moment at which they had begun: the day they count for. */
  atMs: number
}

/**
 * Books what was billed, in the transaction that writes the ledger rows: on the balance (the instance's lease first, the rest
 * from what is stored, below 0 if need be), on the windows of the subscription, and on the key. A request counts for the day
 * it began on. Whoever touches several purses locks them in this order: users, subscriptions, keys, leases, each by id.
 */
export async function settleCharges(tx: TransactionSql, charges: readonly Charge[], timeZone: string): Promise<void> {
  const due = charges.filter(({ billing, billedNano }) => billing !== null && billedNano > 0n)
  if (due.length === 0) return
  const byUser = sumBy(
    due.filter(({ billing }) => billing === 'balance'),
    ({ userId }) => userId,
  )
  const userIds = ascending(byUser.keys())
  if (userIds.length > 0) await tx`select from users where id = any(${userIds}) order by id for no key update`
  await chargeSubscriptions(tx, due, timeZone)
  await chargeKeys(tx, due, timeZone)
  const taken = await takeFromLeases(tx, due)
  if (userIds.length === 0) return
  await tx`
    update users u set billed_nano = u.billed_nano + c.billed, balance_nano = u.balance_nano - (c.billed - c.taken)
    from unnest(${userIds}::bigint[], ${userIds.map((id) => String(byUser.get(id) ?? 0n))}::bigint[],
      ${userIds.map((id) => String(taken.get(id) ?? 0n))}::bigint[]) as c (id, billed, taken)
    where u.id = c.id`
}

/** Resolves with what was taken of leased balances, by user. */
async function takeFromLeases(tx: TransactionSql, due: readonly Charge[]): Promise<Map<number, bigint>> {
  const byLease = new Map<string, bigint>()
  for (const { leases, billedNano } of due) {
    for (const lease of leases) byLease.set(lease, (byLease.get(lease) ?? 0n) + billedNano)
  }
  if (byLease.size === 0) return new Map()
  const rows = await tx<{ purse: string; ownerId: string; taken: string }[]>`
    with held as (
      select l.id, l.purse, l.owner_id, least(l.amount_nano, c.billed) as taken
      from credit_leases l join unnest(${[...byLease.keys()]}::uuid[], ${[...byLease.values()].map(String)}::bigint[])
        as c (id, billed) on c.id = l.id
      order by l.id for update of l)
    update credit_leases l set amount_nano = l.amount_nano - held.taken from held where l.id = held.id
    returning held.purse, held.owner_id as "ownerId", held.taken::text as taken`
  const taken = new Map<number, bigint>()
  for (const { purse, ownerId, taken: nano } of rows) {
    const userId = Number(ownerId)
    if (purse === 'balance') taken.set(userId, (taken.get(userId) ?? 0n) + BigInt(nano))
  }
  return taken
}

/** A window that is over begins anew with the first request after it; one that began before the window counts nowhere. */
async function chargeSubscriptions(tx: TransactionSql, due: readonly Charge[], timeZone: string): Promise<void> {
  const bySubscription = due.filter(
    ({ billing, subscriptionId }) => billing === 'subscription' && subscriptionId !== null,
  )
  if (bySubscription.length === 0) return
  const all = ascending(new Set(bySubscription.map(({ subscriptionId }) => subscriptionId ?? 0)))
  await tx`select from subscriptions where id = any(${all}) order by id for no key update`
  const byDay = Map.groupBy(bySubscription, ({ atMs }) => windowStarts(atMs, timeZone).day)
  for (const day of ascending(byDay.keys())) {
    const starts = windowStarts(day, timeZone)
    const sums = sumBy(byDay.get(day) ?? [], ({ subscriptionId }) => subscriptionId ?? 0)
    const ids = ascending(sums.keys())
    await tx`
      update subscriptions s set
        ${window(tx, 'day', starts.day)}, ${window(tx, 'week', starts.week)}, ${window(tx, 'month', starts.month)}
      from unnest(${ids}::bigint[], ${ids.map((id) => String(sums.get(id) ?? 0n))}::bigint[]) as c (id, billed),
        (select ${new Date(day)}::timestamptz as day) as today
      where s.id = c.id`
  }
}

function window(tx: TransactionSql, name: 'day' | 'week' | 'month', earliestMs: number) {
  const startedAt = tx(`${name}_started_at`)
  const spent = tx(`${name}_spent_nano`)
  const isOver = tx`(s.${startedAt} is null or s.${startedAt} < ${new Date(earliestMs)})`
  return tx`
    ${startedAt} = case when ${isOver} then today.day else s.${startedAt} end,
    ${spent} = case when ${isOver} then c.billed when s.${startedAt} > today.day then s.${spent} else s.${spent} + c.billed end`
}

/** Also what nobody pays for counts here: a key's limits hold whatever its group bills. */
async function chargeKeys(tx: TransactionSql, due: readonly Charge[], timeZone: string): Promise<void> {
  const byKey = Map.groupBy(due, ({ keyId }) => keyId)
  const keyIds = ascending(byKey.keys())
  const spendings = keyIds.map((keyId) => spendingOf(byKey.get(keyId) ?? [], timeZone))
  await tx`
    insert into key_spending as s (key_id, total_nano, day_started_at, day_nano, month_started_at, month_nano)
    select c.id, c.total, c.day, c.day_nano, c.month, c.month_nano
    from unnest(${keyIds}::bigint[], ${spendings.map(({ total }) => String(total))}::bigint[],
      ${spendings.map(({ day }) => new Date(day).toISOString())}::timestamptz[],
      ${spendings.map(({ dayNano }) => String(dayNano))}::bigint[],
      ${spendings.map(({ month }) => new Date(month).toISOString())}::timestamptz[],
      ${spendings.map(({ monthNano }) => String(monthNano))}::bigint[]) as c (id, total, day, day_nano, month, month_nano)
      join api_keys k on k.id = c.id
    order by c.id
    on conflict (key_id) do update set
      total_nano = s.total_nano + excluded.total_nano,
      day_nano = case when s.day_started_at > excluded.day_started_at then s.day_nano
        when s.day_started_at = excluded.day_started_at then s.day_nano + excluded.day_nano else excluded.day_nano end,
      day_started_at = greatest(s.day_started_at, excluded.day_started_at),
      month_nano = case when s.month_started_at > excluded.month_started_at then s.month_nano
        when s.month_started_at = excluded.month_started_at then s.month_nano + excluded.month_nano
        else excluded.month_nano end,
      month_started_at = greatest(s.month_started_at, excluded.month_started_at)`
}

/** All of it, and that of the latest day and month among it: the earlier ones are over. */
function spendingOf(charges: readonly Charge[], timeZone: string) {
  const spending = { total: 0n, day: 0, dayNano: 0n, month: 0, monthNano: 0n }
  for (const { atMs, billedNano } of charges) {
    const { day, month } = calendarStarts(atMs, timeZone)
    spending.total += billedNano
    if (day > spending.day) Object.assign(spending, { day, dayNano: 0n })
    if (month > spending.month) Object.assign(spending, { month, monthNano: 0n })
    if (day === spending.day) spending.dayNano += billedNano
    if (month === spending.month) spending.monthNano += billedNano
  }
  return spending
}

function sumBy(charges: readonly Charge[], keyOf: (charge: Charge) => number): Map<number, bigint> {
  const sums = new Map<number, bigint>()
  for (const charge of charges) {
    const key = keyOf(charge)
    sums.set(key, (sums.get(key) ?? 0n) + charge.billedNano)
  }
  return sums
}

function ascending(ids: Iterable<number>): number[] {
  return [...ids].toSorted((a, b) => a - b)
}
