import type { RouterInputs } from '@turnpike/client'
import type { Range } from '@turnpike/core/ops/words'
import { OUTCOMES, type OutcomeKind } from '@turnpike/core/words'
import { ledgerSpan, readTimeRange, type TimeRange } from '#lib/time-range/time-range.ts'
import { readId, readOneOf, readText } from '#lib/url/search-params.ts'

const DEFAULT_RANGE: Range = '24h'

type ListInput = Extract<RouterInputs['my']['usage']['list'], object>

/** What a user's own lists show, as its address holds it. */
export interface OwnFilters extends TimeRange {
  keyId: number | undefined
  groupId: number | undefined
  model: string | undefined
  outcome: OutcomeKind | undefined
}

/** Reads an address. What makes no sense there counts as not given, so that a mangled link still shows something. */
export function readOwnFilters(params: Pick<URLSearchParams, 'get'>): OwnFilters {
  return {
    ...readTimeRange(params, DEFAULT_RANGE),
    keyId: readId(params, 'key'),
    groupId: readId(params, 'group'),
    model: readText(params, 'model'),
    outcome: readOneOf(params, 'outcome', OUTCOMES),
  }
}

/** What the server is asked; a range ends now. */
export function toListInput({ range, from, to, ...filters }: OwnFilters, nowMs: number): ListInput {
  return withoutUndefined({ ...filters, ...ledgerSpan({ range, from, to }, nowMs) })
}

/** True where anything but the range narrows the list. */
export function isFiltered({ range: _range, from: _from, to: _to, ...filters }: OwnFilters): boolean {
  return Object.values(filters).some((value) => value !== undefined)
}

function withoutUndefined(input: ListInput): ListInput {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
}
