import type { UsageBucket } from '@turnpike/core/inputs/usage'
import { USAGE_GROUPINGS } from '@turnpike/core/words'
import { readId, readInstant, readOneOf, readText } from '#lib/url/search-params.ts'

export const RANGES = ['24h', '7d', '30d', 'custom'] as const
export type Range = (typeof RANGES)[number]

/** What lines and table rows stand for; `total` = one line, and a row for each moment. */
export const GROUPINGS = ['total', ...USAGE_GROUPINGS] as const
export type Grouping = (typeof GROUPINGS)[number]

export const MEASURES = ['billed', 'cost', 'tokens', 'requests'] as const
export type Measure = (typeof MEASURES)[number]

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const BUCKETS = {
  '24h': { bucket: 'hour', bucketMs: HOUR_MS, count: 24 },
  '7d': { bucket: 'hour', bucketMs: HOUR_MS, count: 7 * 24 },
  '30d': { bucket: 'day', bucketMs: DAY_MS, count: 30 },
} as const satisfies Record<Exclude<Range, 'custom'>, { bucket: UsageBucket; bucketMs: number; count: number }>

/** A series of the API takes no more. */
export const MAX_SPAN_MS = 31 * DAY_MS

/** What the usage page shows, as its address holds it. */
export interface UsageFilters {
  range: Range
  /** ISO 8601; only with the range `custom`. */
  from: string | undefined
  to: string | undefined
  by: Grouping
  measure: Measure
  userId: number | undefined
  keyId: number | undefined
  groupId: number | undefined
  accountId: number | undefined
  model: string | undefined
}

/** Reads an address. What makes no sense there counts as not given. */
export function readUsageFilters(params: Pick<URLSearchParams, 'get'>): UsageFilters {
  const range = readOneOf(params, 'range', RANGES) ?? '7d'
  const isCustom = range === 'custom'
  return {
    range,
    from: isCustom ? readInstant(params, 'from') : undefined,
    to: isCustom ? readInstant(params, 'to') : undefined,
    by: readOneOf(params, 'by', GROUPINGS) ?? 'total',
    measure: readOneOf(params, 'measure', MEASURES) ?? 'billed',
    userId: readId(params, 'user'),
    keyId: readId(params, 'key'),
    groupId: readId(params, 'group'),
    accountId: readId(params, 'account'),
    model: readText(params, 'model'),
  }
}

export interface UsageWindow {
  from: string
  to: string
  /** Null = what fits the span. */
  bucket: UsageBucket | null
}

/** The span that is shown: of whole buckets, the last of which still runs; one that was asked for as it is. */
export function usageWindow({ range, from, to }: UsageFilters, nowMs: number): UsageWindow {
  if (range === 'custom') {
    const endMs = to === undefined ? nowMs : Date.parse(to)
    return { from: from ?? iso(endMs - DAY_MS), to: iso(endMs), bucket: null }
  }
  const { bucket, bucketMs, count } = BUCKETS[range]
  const runningMs = Math.floor(nowMs / bucketMs) * bucketMs
  return { from: iso(runningMs - (count - 1) * bucketMs), to: iso(nowMs), bucket }
}

/** The same span one period earlier, begun and ended at the same place of its bucket, so that like is laid over like. */
export function windowBefore({ from, to, bucket }: UsageWindow): UsageWindow {
  const spanMs = Date.parse(to) - Date.parse(from)
  const stepMs = bucket === 'day' ? DAY_MS : bucket === 'hour' ? HOUR_MS : 1
  const shiftMs = Math.ceil(spanMs / stepMs) * stepMs
  return { from: iso(Date.parse(from) - shiftMs), to: iso(Date.parse(to) - shiftMs), bucket }
}

export function isTooLong({ from, to }: UsageWindow): boolean {
  return Date.parse(to) - Date.parse(from) > MAX_SPAN_MS
}

/** True where anything but the span narrows what is counted. */
export function isNarrowed({ userId, keyId, groupId, accountId, model }: UsageFilters): boolean {
  return [userId, keyId, groupId, accountId, model].some((value) => value !== undefined)
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
