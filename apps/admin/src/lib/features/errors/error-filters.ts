import type { RouterInputs } from '@turnpike/client'
import { ERROR_OWNERS, ERROR_PHASES, ERROR_SEVERITIES, type Range } from '@turnpike/core/ops/words'
import { opsSpan, readTimeRange } from '#lib/time-range/time-range.ts'
import { readId, readOneOf, readText } from '#lib/url/search-params.ts'

const DEFAULT_RANGE: Range = '24h'
const STATES = ['open', 'resolved'] as const

type ListInput = NonNullable<RouterInputs['ops']['errors']['list']>
type FilterInput = Omit<ListInput, 'limit' | 'cursor'>

/** What the errors page shows, as its address holds it. */
export type ErrorFilters = ReturnType<typeof readErrorFilters>

/** Reads an address. What makes no sense there counts as not given, so that a mangled link still shows something. */
export function readErrorFilters(params: Pick<URLSearchParams, 'get'>) {
  return {
    time: readTimeRange(params, DEFAULT_RANGE),
    owner: readOneOf(params, 'owner', ERROR_OWNERS),
    phase: readOneOf(params, 'phase', ERROR_PHASES),
    severity: readOneOf(params, 'severity', ERROR_SEVERITIES),
    state: readOneOf(params, 'state', STATES),
    code: readText(params, 'code', 80),
    query: readText(params, 'query'),
    accountId: readId(params, 'account'),
    userId: readId(params, 'user'),
  }
}

/** What the server is asked for, whether page by page or as an export of them all. */
export function toInput({ state, time, ...filters }: ErrorFilters): FilterInput {
  const resolved = state === undefined ? undefined : state === 'resolved'
  return withoutUndefined({ ...filters, ...opsSpan(time), resolved })
}

function withoutUndefined(input: FilterInput): FilterInput {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
}

/** True where anything but the range narrows the list. */
export function isFiltered({ time: _time, ...filters }: ErrorFilters): boolean {
  return Object.values(filters).some((value) => value !== undefined)
}
