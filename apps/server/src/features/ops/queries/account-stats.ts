import type { OpsWindow } from '@turnpike/core/inputs/ops'
import type { Span } from '@turnpike/core/ops/window'
import type { AccountStatus, Provider } from '@turnpike/core/words'
import type { Sql } from 'postgres'
import { type DimensionStat, dimensionStats } from './dimension-stats.ts'

export interface AccountStat {
  id: number
  name: string
  provider: Provider
  status: AccountStatus
  statusReason: string | null
  schedulable: boolean
  coolingUntil: string | null
  coolingReason: string | null
  /** Whether requests may be sent to it now, but for its slots. */
  isAvailable: boolean
  concurrency: number
  /** Null = nothing was asked of it. */
  stats: DimensionStat | null
}

const MAX_ACCOUNTS = 1_000

interface AccountRow {
  id: string
  name: string
  provider: Provider
  status: AccountStatus
  statusReason: string | null
  schedulable: boolean
  coolingUntil: Date | null
  coolingReason: string | null
  concurrency: number
  expiresAt: Date | null
}

/** Every account that is not archived, with what it did in a span; those asked most first. */
export async function accountStats(
  sql: Sql,
  span: Span,
  filters: OpsWindow,
  nowMs: number,
): Promise<{ from: string; to: string; items: AccountStat[] }> {
  const { accountId, provider, groupId } = filters
  const [rows, { from, to, items }] = await Promise.all([
    sql<AccountRow[]>`
      select id, name, provider, status, status_reason as "statusReason", schedulable, cooling_until as "coolingUntil",
        cooling_reason as "coolingReason", concurrency, expires_at as "expiresAt"
      from accounts a where status <> 'archived'
        ${accountId === undefined ? sql`` : sql`and id = ${accountId}`}
        ${provider === undefined ? sql`` : sql`and provider = ${provider}`}
        ${groupId === undefined ? sql`` : sql`and exists (select from account_groups g where g.account_id = a.id and g.group_id = ${groupId})`}
      order by id limit ${MAX_ACCOUNTS}`,
    dimensionStats(sql, span, { ...filters, groupBy: 'account', measure: 'requests', limit: MAX_ACCOUNTS }),
  ])
  const stats = new Map(items.map((item) => [item.id, item]))
  const accounts = rows.map(({ expiresAt, coolingUntil, ...row }) => ({
    ...row,
    id: Number(row.id),
    coolingUntil: coolingUntil !== null && coolingUntil.getTime() > nowMs ? coolingUntil.toISOString() : null,
    isAvailable:
      row.status === 'active' &&
      row.schedulable &&
      !isAfter(coolingUntil, nowMs) &&
      (expiresAt === null || isAfter(expiresAt, nowMs)),
    stats: stats.get(Number(row.id)) ?? null,
  }))
  return {
    from,
    to,
    items: accounts.toSorted((a, b) => (b.stats?.requests ?? 0) - (a.stats?.requests ?? 0) || a.id - b.id),
  }
}

function isAfter(time: Date | null, nowMs: number): boolean {
  return time !== null && time.getTime() > nowMs
}
