import { calendarStarts } from '@turnpike/core/billing/windows'
import { formatDollars } from '@turnpike/core/money'
import type { BillingMode } from '@turnpike/core/words'
import type { Sql } from 'postgres'
import { type CurrentWindow, currentWindows } from '../../shared/subscription-windows.ts'
import type { KeyRecord } from './keys/key-store.ts'

interface SpendingRow {
  billing: BillingMode
  balance: string
  day: string
  month: string
  total: string
  limitDay: string | null
  limitMonth: string | null
  limitTotal: string | null
  requests: number
}

interface SubscriptionRow {
  startsAt: Date
  expiresAt: Date
  dayStartedAt: Date | null
  weekStartedAt: Date | null
  monthStartedAt: Date | null
  day: string
  week: string
  month: string
  limitDay: string | null
  limitWeek: string | null
  limitMonth: string | null
}

interface Moment {
  now: Date
  /** Whose midnight begins days and windows. */
  timeZone: string
}

/**
 * `GET /v1/usage`: the key's own balance (stored and leased), limits and spending by calendar day and month, and the windows
 * of its subscription where that is what pays. Dollars as decimal strings; null = no limit.
 */
export async function keyUsage(sql: Sql, key: KeyRecord, moment: Moment) {
  const starts = calendarStarts(moment.now.getTime(), moment.timeZone)
  const [row] = await sql<SpendingRow[]>`
    select g.billing, k.limit_day_nano::text as "limitDay", k.limit_month_nano::text as "limitMonth",
      k.limit_total_nano::text as "limitTotal", coalesce(s.total_nano, 0)::text as total,
      (case when s.day_started_at >= ${new Date(starts.day)} then s.day_nano else 0 end)::text as day,
      (case when s.month_started_at >= ${new Date(starts.month)} then s.month_nano else 0 end)::text as month,
      (u.balance_nano + coalesce((select sum(amount_nano) from credit_leases
        where purse = 'balance' and owner_id = u.id), 0))::text as balance,
      (select count(*)::int from usage_logs where key_id = k.id) as requests
    from api_keys k join users u on u.id = k.user_id join groups g on g.id = k.group_id
      left join key_spending s on s.key_id = k.id
    where k.id = ${key.keyId}`
  if (row === undefined) return null
  return {
    object: 'usage',
    billing: row.billing,
    balance: dollars(row.balance),
    spent: { day: dollars(row.day), month: dollars(row.month), total: dollars(row.total) },
    limits: { day: dollars(row.limitDay), month: dollars(row.limitMonth), total: dollars(row.limitTotal) },
    subscription: row.billing === 'subscription' ? await subscriptionUsage(sql, key, moment) : null,
    concurrency: { user: key.userConcurrency, key: key.concurrency },
    requests: row.requests,
  }
}

/** The windows of the subscription that counts now; null = there is none. */
async function subscriptionUsage(sql: Sql, { userId, groupId }: KeyRecord, { now, timeZone }: Moment) {
  const [row] = await sql<SubscriptionRow[]>`
    select s.starts_at as "startsAt", s.expires_at as "expiresAt", s.day_started_at as "dayStartedAt",
      s.week_started_at as "weekStartedAt", s.month_started_at as "monthStartedAt", s.day_spent_nano::text as day,
      s.week_spent_nano::text as week, s.month_spent_nano::text as month, g.limit_day_nano::text as "limitDay",
      g.limit_week_nano::text as "limitWeek", g.limit_month_nano::text as "limitMonth"
    from subscriptions s join groups g on g.id = s.group_id
    where s.user_id = ${userId} and s.group_id = ${groupId} and s.status = 'active' and s.starts_at <= ${now}
      and s.expires_at > ${now}
    order by s.id limit 1`
  if (row === undefined) return null
  const windows = currentWindows(
    {
      day: { startedAt: row.dayStartedAt, spentNano: BigInt(row.day) },
      week: { startedAt: row.weekStartedAt, spentNano: BigInt(row.week) },
      month: { startedAt: row.monthStartedAt, spentNano: BigInt(row.month) },
    },
    now.getTime(),
    timeZone,
  )
  return {
    startsAt: row.startsAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    day: toWindow(windows.day, row.limitDay),
    week: toWindow(windows.week, row.limitWeek),
    month: toWindow(windows.month, row.limitMonth),
  }
}

function toWindow({ spentNano, startedAt, resetsAt }: CurrentWindow, limitNano: string | null) {
  return { spent: formatDollars(spentNano), limit: dollars(limitNano), startedAt, resetsAt }
}

function dollars(nano: string | null): string | null {
  return nano === null ? null : formatDollars(BigInt(nano))
}
