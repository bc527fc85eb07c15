import type { RouterInputs } from '@turnpike/client'
import { OUTCOMES, type OutcomeKind } from '@turnpike/core/words'
import { readId, readOneOf, readText } from '#lib/url/search-params.ts'

export const RANGES = ['1h', '24h', '7d', '30d', 'custom'] as const
export type Range = (typeof RANGES)[number]

const HOUR_MS = 3_600_000
const RANGE_MS = { '1h': HOUR_MS, '24h': 24 * HOUR_MS, '7d': 7 * 24 * HOUR_MS, '30d': 30 * 24 * HOUR_MS }
const DEFAULT_RANGE = '24h'
const PAGE_SIZE = 50

type ListInput = Extract<RouterInputs['usage']['list'], object>

/** What the requests page shows, as its address holds it. */
export interface RequestFilters {
  range: Range
  /** ISO 8601; only with the range `custom`. */
  from: string | undefined
  to: string | undefined
  userId: number | undefined
  keyId: number | undefined
  groupId: number | undefined
  accountId: number | undefined
  model: string | undefined
  outcome: OutcomeKind | undefined
  requestId: string | undefined
  cursor: string | undefined
}

/** Reads an address. What makes no sense there counts as not given, so that a mangled link still shows something. */
export function readRequestFilters(params: Pick<URLSearchParams, 'get'>): RequestFilters {
  const range = readOneOf(params, 'range', RANGES) ?? DEFAULT_RANGE
  const isCustom = range === 'custom'
  return {
    range,
    from: isCustom ? readInstant(params, 'from') : undefined,
    to: isCustom ? readInstant(params, 'to') : undefined,
    userId: readId(params, 'user'),
    keyId: readId(params, 'key'),
    groupId: readId(params, 'group'),
    accountId: readId(params, 'account'),
    model: readText(params, 'model'),
    outcome: readOneOf(params, 'outcome', OUTCOMES),
    requestId: readRequestId(params.get('request') ?? ''),
    cursor: readText(params, 'cursor'),
  }
}

/** What the server is asked; a range ends now. */
export function toListInput({ range, from, to, ...filters }: RequestFilters, nowMs: number): ListInput {
  const since = range === 'custom' ? from : new Date(nowMs - RANGE_MS[range]).toISOString()
  return withoutUndefined({ ...filters, from: since, to, limit: PAGE_SIZE })
}

/** True where anything but the range narrows the list. */
export function isFiltered({
  range: _range,
  from: _from,
  to: _to,
  cursor: _cursor,
  ...filters
}: RequestFilters): boolean {
  return Object.values(filters).some((value) => value !== undefined)
}

/** The request id in a text, also where it was pasted with its prefix; undefined where there is none. */
export function readRequestId(text: string): string | undefined {
  return /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i.exec(text)?.[0].toLowerCase()
}

function readInstant(params: Pick<URLSearchParams, 'get'>, name: string): string | undefined {
  const at = new Date(params.get(name) ?? '')
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString()
}

function withoutUndefined(input: ListInput): ListInput {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
}
