import type { UsageGrouping } from '@turnpike/core/words'
import { USAGE_SUMS_OF_SUMS } from '@turnpike/db'
import {
  columns,
  labelOf,
  labelSource,
  type Sql,
  type TotalsRow,
  totalsColumns,
  type UsageWindow,
  within,
} from './ledger-window.ts'
import { countedRows, ledgerAlone, type UsageParts } from './usage-parts.ts'
import type { UsageRow } from './usage-record.ts'

/** The place in the ledger after which a page goes on: newest first, so everything before it in time. */
export interface LedgerPlace {
  createdAt: Date
  requestId: string
}

export interface UsageTotalsRow extends TotalsRow {
  isTotal: boolean
  id: string | null
  label: string | null
}

/** The newest `limit` requests of a window, going on after `place`; its moment by itself leaves out the days after it. */
export function newestRequests(sql: Sql, window: UsageWindow, limit: number, place: LedgerPlace | null) {
  return sql<UsageRow[]>`
    select ${columns(sql)} from usage_logs
    where ${within(sql, window)}
      ${place ? sql`and created_at <= ${place.createdAt} and (created_at, request_id) < (${place.createdAt}, ${place.requestId})` : sql``}
    order by created_at desc, request_id desc
    limit ${limit}`
}

/** The same, all of them, as the query of a cursor. */
export function declareCursor(sql: Sql, window: UsageWindow) {
  return sql`
    declare exported no scroll cursor for
    select ${columns(sql)} from usage_logs
    where ${within(sql, window)}
    order by created_at desc, request_id desc`
}

/** The next `count` rows of it. */
export function fetchFromCursor(sql: Sql, count: number) {
  return sql<UsageRow[]>`fetch ${sql.unsafe(String(count))} from exported`
}

/** One request; its creation time is in its id, so one partition is read. */
export function requestById(sql: Sql, { createdAt, requestId }: LedgerPlace) {
  return sql<UsageRow[]>`
    select ${columns(sql)} from usage_logs
    where created_at = ${createdAt} and request_id = ${requestId}`
}

/** Totals of a window, and beside them the totals of each group, dearest first; both from one reading of its parts. */
export function usageTotals(
  sql: Sql,
  window: UsageWindow,
  groupBy: UsageGrouping | null,
  parts: UsageParts = ledgerAlone(window),
) {
  return sql<UsageTotalsRow[]>`
    with parts as (${countedRows(sql, window, { groupBy, parts, time: () => 'null::timestamptz' })}),
    counted as (
      select ${groupBy ? sql`grouping(id) = 1` : sql`true`} as is_total, ${groupBy ? sql`id` : sql`null::text as id`},
        ${sql.unsafe(USAGE_SUMS_OF_SUMS)}
      from parts
      group by ${groupBy ? sql`grouping sets ((), (id))` : sql`()`}
    )
    select is_total as "isTotal", counted.id, ${labelOf(sql, groupBy)} as label, ${totalsColumns(sql)}
    from counted
    ${labelSource(sql, groupBy)}
    order by is_total desc, counted.cost_nano desc nulls last, counted.requests desc, counted.id
    limit 1001`
}
