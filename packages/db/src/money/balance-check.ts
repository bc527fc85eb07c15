import type { Sql } from 'postgres'

export interface BalanceMismatch {
  userId: number
  /** Stored + leased. */
  heldNano: bigint
  /** Sum of the changes − sum of the bills. */
  expectedNano: bigint
}

interface MismatchRow {
  userId: string
  held: string
  expected: string
}

/**
 * The invariant of money, for every user: stored + leased = Σ changes of the balance − Σ bills (spec: accounts and billing,
 * "Money"). `counter` takes the bills from the user's own counter, `ledger` adds up all rows of the ledger: exact, and slow
 * where it is large. As of one moment; empty = it holds.
 */
export async function balanceMismatches(sql: Sql, bills: 'counter' | 'ledger'): Promise<BalanceMismatch[]> {
  const billed =
    bills === 'counter'
      ? sql`select id as user_id, billed_nano as nano from users`
      : sql`select user_id, sum(billed_nano)::bigint as nano from usage_logs where billing = 'balance' group by user_id`
  const rows = await sql<MismatchRow[]>`
    with bills as (${billed}),
      changes as (select user_id, sum(amount_nano) as nano from balance_changes group by user_id),
      leased as (select owner_id as user_id, sum(amount_nano) as nano from credit_leases
        where purse = 'balance' group by owner_id),
      sides as (
        select u.id, u.balance_nano + coalesce(l.nano, 0) as held, coalesce(c.nano, 0) - coalesce(b.nano, 0) as expected
        from users u left join leased l on l.user_id = u.id left join changes c on c.user_id = u.id
          left join bills b on b.user_id = u.id)
    select id as "userId", held::text, expected::text from sides where held <> expected order by id limit 1000`
  return rows.map(({ userId, held, expected }) => ({
    userId: Number(userId),
    heldNano: BigInt(held),
    expectedNano: BigInt(expected),
  }))
}
