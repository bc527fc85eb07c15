import { formatDollars } from '@turnpike/core/money'
import type { Sql } from 'postgres'
import type { KeyRecord } from './keys/key-store.ts'

interface SpendingRow {
  balance: string
  day: string
  month: string
  total: string
  limitDay: string | null
  limitMonth: string | null
  limitTotal: string | null
  requests: number
}

/** `GET /v1/usage`: the key's own balance, limits and spending; calendar day and month in UTC, dollars as decimal strings. */
export async function keyUsage(sql: Sql, key: KeyRecord, now: Date) {
  const dayStart = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()))
  const monthStart = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth()))
  const [row] = await sql<SpendingRow[]>`
    select u.balance_nano::text as balance, k.limit_day_nano::text as "limitDay", k.limit_month_nano::text as "limitMonth",
      k.limit_total_nano::text as "limitTotal", spent.*
    from api_keys k join users u on u.id = k.user_id cross join lateral (
      select coalesce(sum(billed_nano) filter (where created_at >= ${dayStart}), 0)::text as day,
        coalesce(sum(billed_nano) filter (where created_at >= ${monthStart}), 0)::text as month,
        coalesce(sum(billed_nano), 0)::text as total, count(*)::int as requests
      from usage_logs where key_id = k.id) spent
    where k.id = ${key.keyId}`
  if (row === undefined) return null
  return {
    object: 'usage',
    balance: dollars(row.balance),
    spent: { day: dollars(row.day), month: dollars(row.month), total: dollars(row.total) },
    limits: { day: dollars(row.limitDay), month: dollars(row.limitMonth), total: dollars(row.limitTotal) },
    concurrency: { user: key.userConcurrency, key: key.concurrency },
    requests: row.requests,
  }
}

function dollars(nano: string | null): string | null {
  return nano === null ? null : formatDollars(BigInt(nano))
}
