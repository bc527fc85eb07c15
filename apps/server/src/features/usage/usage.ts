import type { UsageFilters, UsageList, UsageSummary } from '@turnpike/core/inputs/usage'
import { formatDollars } from '@turnpike/core/money'
import type { Db } from '@turnpike/db'
import { AppError } from '../../shared/app-error.ts'
import { type Page, pageOf } from '../../shared/keyset.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import {
  type LedgerPlace,
  newestRequests,
  requestById,
  type UsageTotalsRow,
  type UsageWindow,
  usageTotals,
} from './queries.ts'
import { toUsageDetail, toUsageRecord, type UsageDetail, type UsageRecord } from './usage-record.ts'

const DAY_MS = 86_400_000
const QUERY_MS = 4_500
const MAX_GROUPS = 1_000

export interface UsageTotals {
  requests: number
  errors: number
  inputTokens: number
  cachedInputTokens: number
  outputTokens: number
  /** Null = there were requests, and none had a price. */
  cost: string | null
  costNano: string | null
  billed: string
  billedNano: string
}

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
    const rows = await inTime(newestRequests(sql, windowOf(filters), limit + 1, place))
    return pageOf(rows.map(toUsageRecord), limit, (record) => record.requestId)
  }

  async function get(requestId: string): Promise<UsageDetail> {
    const place = placeOf(requestId)
    const [row] = place ? await inTime(requestById(sql, place)) : []
    if (!row) throw new AppError('not_found', { field: 'requestId' })
    return toUsageDetail(row)
  }

  async function summary({ groupBy, ...filters }: UsageSummary): Promise<UsageOverview> {
    const window = windowOf(filters)
    const rows = await inTime(usageTotals(sql, window, groupBy ?? null))
    const groups = rows.filter((row) => !row.isTotal).slice(0, MAX_GROUPS)
    const isNamed = groupBy === 'model' || groupBy === 'endpoint'
    return {
      from: window.from.toISOString(),
      to: window.to.toISOString(),
      total: toTotals(rows.find((row) => row.isTotal)),
      groups: groups.map((row) => ({
        id: row.id === null || isNamed ? row.id : Number(row.id),
        label: row.label ?? '',
        ...toTotals(row),
      })),
    }
  }

  // One request is found by the time in its id, whatever window was asked for.
  function windowOf(filters: UsageFilters): UsageWindow {
    const to = filters.to ?? new Date(clock.now())
    const from = filters.from ?? new Date(to.getTime() - DAY_MS)
    if (from >= to) throw new AppError('invalid_input', { field: 'from' })
    const place = filters.requestId === undefined ? null : placeOf(filters.requestId)
    if (!place || filters.from || filters.to) return { ...filters, from, to }
    return { ...filters, from: place.createdAt, to: new Date(place.createdAt.getTime() + 1) }
  }

  return { list, get, summary }
}

// A request id is a UUIDv7: its first 48 bits are the milliseconds of its row's `created_at`. Other ids are nowhere.
function placeOf(requestId: string): LedgerPlace | null {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(requestId)) return null
  const milliseconds = Number.parseInt(requestId.slice(0, 8) + requestId.slice(9, 13), 16)
  return { createdAt: new Date(milliseconds), requestId }
}

interface Cancellable<T> extends PromiseLike<T> {
  cancel(): void
}

// The database stops working on what nobody waits for any more.
async function inTime<T>(query: Cancellable<T>): Promise<T> {
  const timer = setTimeout(() => query.cancel(), QUERY_MS)
  try {
    return await query
  } finally {
    clearTimeout(timer)
  }
}

function toTotals(row: UsageTotalsRow | undefined): UsageTotals {
  const requests = Number(row?.requests ?? 0)
  const costNano = row?.costNano ?? (requests === 0 ? '0' : null)
  const billedNano = row?.billedNano ?? '0'
  return {
    requests,
    errors: Number(row?.errors ?? 0),
    inputTokens: Number(row?.inputTokens ?? 0),
    cachedInputTokens: Number(row?.cachedInputTokens ?? 0),
    outputTokens: Number(row?.outputTokens ?? 0),
    cost: costNano === null ? null : formatDollars(BigInt(costNano)),
    costNano,
    billed: formatDollars(BigInt(billedNano)),
    billedNano,
  }
}
