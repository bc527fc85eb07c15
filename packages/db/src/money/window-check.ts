import type { Sql } from 'postgres'

export interface WindowMismatch {
  subscriptionId: number
  window: 'day' | 'week' | 'month'
  /** As the subscription counts it. */
  spentNano: bigint
  /** As the ledger tells it. */
  billedNano: bigint
}

interface MismatchRow {
  id: string
  window: WindowMismatch['window']
  spent: string
  billed: string
}

/**
 * The invariant of money for subscriptions: what a window has spent is what the ledger has billed to the subscription since
 * the window began (spec: accounts and billing, "Money"). As of one moment; empty = it holds.
 */
export async function windowMismatches(sql: Sql): Promise<WindowMismatch[]> {
  const rows = await sql<MismatchRow[]>`
    select s.id, w.name as window, w.spent::text as spent, b.billed::text as billed
    from subscriptions s cross join lateral (values
      ('day', s.day_started_at, s.day_spent_nano), ('week', s.week_started_at, s.week_spent_nano),
      ('month', s.month_started_at, s.month_spent_nano)) as w (name, started_at, spent)
    cross join lateral (
      select coalesce(sum(billed_nano), 0) as billed from usage_logs l
      where l.user_id = s.user_id and l.created_at >= w.started_at and l.subscription_id = s.id
        and l.billing = 'subscription') as b
    where w.started_at is not null and w.spent <> b.billed
    order by s.id, w.started_at, w.name limit 1000`
  return rows.map(({ id, window, spent, billed }) => ({
    subscriptionId: Number(id),
    window,
    spentNano: BigInt(spent),
    billedNano: BigInt(billed),
  }))
}
