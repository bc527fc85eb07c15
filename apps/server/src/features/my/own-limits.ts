import { calendarStarts } from '@turnpike/core/billing/windows'
import { readSettings } from '@turnpike/core/inputs/settings'
import { formatDollars } from '@turnpike/core/money'
import type { KeyStatus, SubscriptionStatus } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { type CurrentWindow, currentWindows } from '../../shared/subscription-windows.ts'
import type { WallClock } from '../../shared/wall-clock.ts'

/** Newest first; older ones are in `keys.list`. */
const MAX_SHOWN = 500

/** Limits and spending of one key; limits: null = none, `concurrency` 0 = none. Dollars. */
export interface OwnKeyLimits {
  id: number
  name: string
  last4: string
  status: KeyStatus
  concurrency: number
  requestsPerMinute: number | null
  tokensPerMinute: number | null
  spendingLimits: Spending<string | null>
  /** By calendar day and month of the setting `timeZone`. */
  spent: Spending<string>
}

interface Spending<Amount> {
  total: Amount
  day: Amount
  month: Amount
}

/** A subscription and how much of its windows is used. */
export interface OwnSubscription {
  id: number
  groupId: number
  groupName: string
  status: SubscriptionStatus
  startsAt: string
  expiresAt: string
  windows: { day: OwnWindow; week: OwnWindow; month: OwnWindow }
}

export interface OwnWindow {
  spent: string
  spentNano: string
  /** Null = no limit. */
  limit: string | null
  limitNano: string | null
  /** Null = it begins with the next request. */
  startedAt: string | null
  resetsAt: string | null
}

/** What a user has used and may use, in settled money: what is in flight is in his `reserved`. */
export function createOwnLimits({ sql, clock }: { sql: Db['sql']; clock: WallClock }) {
  async function read(userId: number): Promise<{ keys: OwnKeyLimits[]; subscriptions: OwnSubscription[] }> {
    const rows = await sql<{ key: string; value: unknown }[]>`select key, value from settings where key = 'timeZone'`
    const { timeZone } = readSettings(rows).settings
    const nowMs = clock.now()
    const [keys, subscriptions] = await Promise.all([
      keysOf(userId, calendarStarts(nowMs, timeZone)),
      subscriptionsOf(userId),
    ])
    return {
      keys: keys.map(toKeyLimits),
      subscriptions: subscriptions.map((row) => toSubscription(row, nowMs, timeZone)),
    }
  }

  function keysOf(userId: number, starts: { day: number; month: number }) {
    return sql<KeyRow[]>`
      select k.id, k.name, k.last4, k.status, k.concurrency, k.requests_per_minute as "requestsPerMinute",
        k.tokens_per_minute as "tokensPerMinute", k.limit_total_nano as "limitTotal", k.limit_day_nano as "limitDay",
        k.limit_month_nano as "limitMonth", coalesce(s.total_nano, 0) as total,
        case when s.day_started_at >= ${new Date(starts.day)} then s.day_nano else 0 end as day,
        case when s.month_started_at >= ${new Date(starts.month)} then s.month_nano else 0 end as month
      from api_keys k left join key_spending s on s.key_id = k.id
      where k.user_id = ${userId} and k.status <> 'revoked'
      order by k.id desc
      limit ${MAX_SHOWN}`
  }

  function subscriptionsOf(userId: number) {
    return sql<SubscriptionRow[]>`
      select s.id, s.group_id as "groupId", g.name as "groupName", s.status, s.starts_at as "startsAt",
        s.expires_at as "expiresAt", s.day_started_at as "dayStartedAt", s.week_started_at as "weekStartedAt",
        s.month_started_at as "monthStartedAt", s.day_spent_nano as "daySpent", s.week_spent_nano as "weekSpent",
        s.month_spent_nano as "monthSpent", g.limit_day_nano as "limitDay", g.limit_week_nano as "limitWeek",
        g.limit_month_nano as "limitMonth"
      from subscriptions s join groups g on g.id = s.group_id
      where s.user_id = ${userId}
      order by s.id desc
      limit ${MAX_SHOWN}`
  }

  return { read }
}

/** 64-bit integers are strings, as the raw client reads them. */
interface KeyRow extends Pick<OwnKeyLimits, 'name' | 'last4' | 'status' | 'concurrency' | 'requestsPerMinute'> {
  id: string
  tokensPerMinute: string | null
  limitTotal: string | null
  limitDay: string | null
  limitMonth: string | null
  total: string
  day: string
  month: string
}

interface SubscriptionRow extends Pick<OwnSubscription, 'groupName' | 'status'> {
  id: string
  groupId: string
  startsAt: Date
  expiresAt: Date
  dayStartedAt: Date | null
  weekStartedAt: Date | null
  monthStartedAt: Date | null
  daySpent: string
  weekSpent: string
  monthSpent: string
  limitDay: string | null
  limitWeek: string | null
  limitMonth: string | null
}

function toKeyLimits({ limitTotal, limitDay, limitMonth, total, day, month, ...row }: KeyRow): OwnKeyLimits {
  return {
    id: Number(row.id),
    name: row.name,
    last4: row.last4,
    status: row.status,
    concurrency: row.concurrency,
    requestsPerMinute: row.requestsPerMinute,
    tokensPerMinute: row.tokensPerMinute === null ? null : Number(row.tokensPerMinute),
    spendingLimits: { total: dollars(limitTotal), day: dollars(limitDay), month: dollars(limitMonth) },
    spent: {
      total: formatDollars(BigInt(total)),
      day: formatDollars(BigInt(day)),
      month: formatDollars(BigInt(month)),
    },
  }
}

function toSubscription(row: SubscriptionRow, nowMs: number, timeZone: string): OwnSubscription {
  const windows = currentWindows(
    {
      day: { startedAt: row.dayStartedAt, spentNano: BigInt(row.daySpent) },
      week: { startedAt: row.weekStartedAt, spentNano: BigInt(row.weekSpent) },
      month: { startedAt: row.monthStartedAt, spentNano: BigInt(row.monthSpent) },
    },
    nowMs,
    timeZone,
  )
  return {
    id: Number(row.id),
    groupId: Number(row.groupId),
    groupName: row.groupName,
    // One past its end is stored as active until somebody looks.
    status: row.status === 'active' && row.expiresAt.getTime() <= nowMs ? 'expired' : row.status,
    startsAt: row.startsAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    windows: {
      day: toWindow(windows.day, row.limitDay),
      week: toWindow(windows.week, row.limitWeek),
      month: toWindow(windows.month, row.limitMonth),
    },
  }
}

function toWindow({ spentNano, startedAt, resetsAt }: CurrentWindow, limitNano: string | null): OwnWindow {
  const spent = { spent: formatDollars(spentNano), spentNano: spentNano.toString() }
  return { ...spent, limit: dollars(limitNano), limitNano, startedAt, resetsAt }
}

function dollars(nano: string | null): string | null {
  return nano === null ? null : formatDollars(BigInt(nano))
}
