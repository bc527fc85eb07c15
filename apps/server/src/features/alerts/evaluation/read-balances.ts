import type { Sql } from 'postgres'

const NANO = 1e9
/** Users whose balance is watched one by one; those with the least come first. */
const MAX_USERS = 1_000

/** Dollars of each user who has a key that is paid for from a balance, by his id; what is leased is his still. */
export async function readBalances(sql: Sql): Promise<Map<string, number>> {
  const rows = await sql<{ id: string; nano: number }[]>`
    select u.id::text as id, (u.balance_nano + coalesce((
      select sum(l.amount_nano) from credit_leases l where l.purse = 'balance' and l.owner_id = u.id), 0))::float8 as nano
    from users u
    where u.status = 'active' and exists (
      select from api_keys k join groups g on g.id = k.group_id
      where k.user_id = u.id and k.status = 'active' and g.billing = 'balance')
    order by 2, 1 limit ${MAX_USERS}`
  return new Map(rows.map(({ id, nano }) => [id, nano / NANO]))
}
