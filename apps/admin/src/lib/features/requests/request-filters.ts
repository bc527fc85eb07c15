import type { RouterInputs } from '@turnpike/client'
import type { Range } from '@turnpike/core/ops/words'
import { OUTCOMES, type OutcomeKind } from '@turnpike/core/words'
import { ledgerSpan, readTimeRange, type TimeRange } from '#lib/time-range/time-range.ts'
import { readId, readOneOf, readText } from '#lib/url/search-params.ts'

const DEFAULT_RANGE: Range = '24h'
const PAGE_SIZE = 50

type ListInput = Extract<RouterInputs['usage']['list'], object>

/** What the requests page shows, as its address holds it. */
export interface RequestFilters extends TimeRange {
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
  return {
    ...readTimeRange(params, DEFAULT_RANGE),
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
  return withoutUndefined({ ...filters, ...ledgerSpan({ range, from, to }, nowMs), limit: PAGE_SIZE })
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

function withoutUndefined(input: ListInput): ListInput {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
}
