import type { UsageList, UsageSeries, UsageSummary } from '@turnpike/core/inputs/usage'
import type { Db } from '@turnpike/db'
import { AppError } from '../../shared/app-error.ts'
import { type Page, pageOf } from '../../shared/keyset.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import { inTime } from './cancelled-query.ts'
import type { UsageWindow } from './ledger-window.ts'
import { type LedgerPlace, newestRequests, requestById, usageTotals } from './queries.ts'
import { bucketFor, toLines, type UsageLines, usageSeries } from './series.ts'
import { groupId, toTotals, type UsageTotals } from './totals.ts'
import { partsOf } from './usage-parts.ts'
import { toUsageDetail, toUsageRecord, type UsageDetail, type UsageRecord } from './usage-record.ts'
import { placeOf, windowOf } from './window-of.ts'

const MAX_GROUPS = 1_000

/** One user, key, model …: `id` is null where the ledger names none. */
export interface UsageGroup extends UsageTotals {
  id: number | string | null
  label: string
}

export interface UsageOverview {
  from: string
  to: string
  total: UsageTotals
  groups: UsageGroup[]
}

export type Usage = ReturnType<typeof createUsage>

/** Questions to the ledger. */
export function createUsage({ sql, clock }: { sql: Db['sql']; clock: WallClock }) {
  async function list({ limit, cursor, ...filters }: UsageList): Promise<Page<UsageRecord>> {
    const place = cursor ? placeOf(cursor) : null
    if (cursor && !place) throw new AppError('invalid_input', { field: 'cursor' })
    const rows = await inTime(newestRequests(sql, windowOf(filters, clock.now()), limit + 1, place))
    return pageOf(rows.map(toUsageRecord), limit, (record) => record.requestId)
  }

  /** The newest of a window; `after` may be the place of something that is not in the ledger. */
  async function newest(window: UsageWindow, limit: number, after: LedgerPlace | null): Promise<UsageRecord[]> {
    return (await inTime(newestRequests(sql, window, limit, after))).map(toUsageRecord)
  }

  async function get(requestId: string): Promise<UsageDetail> {
    const place = placeOf(requestId)
    const [row] = place ? await inTime(requestById(sql, place)) : []
    if (!row) throw new AppError('not_found', { field: 'requestId' })
    return toUsageDetail(row)
  }

  async function summary({ groupBy, ...filters }: UsageSummary): Promise<UsageOverview> {
    const window = windowOf(filters, clock.now())
    const parts = await partsOf(sql, window, { groupBy: groupBy ?? null, coarsest: 'day' })
    const rows = await inTime(usageTotals(sql, window, groupBy ?? null, parts))
    const groups = rows.filter((row) => !row.isTotal).slice(0, MAX_GROUPS)
    return {
      from: window.from.toISOString(),
      to: window.to.toISOString(),
      total: toTotals(rows.find((row) => row.isTotal)),
      groups: groups.map((row) => ({
        id: groupId(row.id, groupBy ?? null),
        label: row.label ?? '',
        ...toTotals(row),
      })),
    }
  }

  async function series({ groupBy: grouping, bucket: asked, ...filters }: UsageSeries): Promise<UsageLines> {
    const window = windowOf(filters, clock.now())
    const groupBy = grouping ?? null
    const bucket = bucketFor(window, asked)
    const parts = await partsOf(sql, window, { groupBy, coarsest: bucket === 'minute' ? null : bucket })
    const rows = await inTime(usageSeries(sql, window, { groupBy, bucket, parts }))
    return {
      from: window.from.toISOString(),
      to: window.to.toISOString(),
      bucket,
      series: toLines(rows, window, { groupBy, bucket }),
    }
  }

  return { list, newest, get, summary, series }
}
