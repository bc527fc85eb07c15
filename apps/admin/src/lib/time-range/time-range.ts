import { RANGES, type Range } from '@turnpike/core/ops/words'
import { readInstant, readOneOf } from '#lib/url/search-params.ts'

/** Ranges of a name, which end now, and `custom`, which is between two moments. */
export const RANGE_NAMES = [...RANGES, 'custom'] as const
export type RangeName = (typeof RANGE_NAMES)[number]

/** Which time a page shows. Every page reads it from its address in the same way. */
export interface TimeRange {
  range: RangeName
  /** ISO 8601, inclusive; only with `custom`. */
  from: string | undefined
  /** ISO 8601, exclusive; only with `custom`. */
  to: string | undefined
}

const HOUR_MS = 3_600_000
const RANGE_MS = {
  '5m': HOUR_MS / 12,
  '30m': HOUR_MS / 2,
  '1h': HOUR_MS,
  '6h': 6 * HOUR_MS,
  '24h': 24 * HOUR_MS,
  '7d': 7 * 24 * HOUR_MS,
  '30d': 30 * 24 * HOUR_MS,
} satisfies Record<Range, number>

/** Reads an address: `?range=7d`, or `?range=custom&from=…&to=…`. What makes no sense there counts as not given. */
export function readTimeRange(params: Pick<URLSearchParams, 'get'>, fallback: Range): TimeRange {
  const range = readOneOf(params, 'range', RANGE_NAMES) ?? fallback
  if (range !== 'custom') return { range, from: undefined, to: undefined }
  const from = readInstant(params, 'from')
  const to = readInstant(params, 'to')
  return { range, from, to: from !== undefined && to !== undefined && to <= from ? undefined : to }
}

/** As an address holds it; for links to other pages of the same time. */
export function rangeParams({ range, from, to }: TimeRange): Record<'range' | 'from' | 'to', string | null> {
  return { range, from: from ?? null, to: to ?? null }
}

/** What `ops.*` is asked: it knows ranges by their names. */
export function opsSpan({ range, from, to }: TimeRange): { range?: Range; from?: string; to?: string } {
  if (range !== 'custom') return { range }
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

/** What lists of the ledger are asked: a named range ends now. */
export function ledgerSpan({ range, from, to }: TimeRange, nowMs: number): { from?: string; to?: string } {
  if (range !== 'custom') return { from: new Date(nowMs - RANGE_MS[range]).toISOString() }
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

/** The least that can be zoomed to: below it there is nothing more to see. */
const LEAST_ZOOM_SECONDS = 60

/** The part of a chart that was drawn over, in epoch seconds, as a range; widened to a minute. */
export function zoomedTo(fromSecond: number, toSecond: number): TimeRange {
  const middle = (fromSecond + toSecond) / 2
  const half = Math.max(LEAST_ZOOM_SECONDS, toSecond - fromSecond) / 2
  return { range: 'custom', from: isoOf(middle - half), to: isoOf(middle + half) }
}

function isoOf(second: number): string {
  return new Date(Math.round(second) * 1000).toISOString()
}
