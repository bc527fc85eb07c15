import type { RouterInputs } from '@turnpike/client'
import { ERROR_OWNERS, ERROR_PHASES, ERROR_SEVERITIES, type Range } from '@turnpike/core/ops/words'
import { opsSpan, readTimeRange } from '#lib/time-range/time-range.ts'
import { readId, readOneOf, readText } from '#lib/url/search-params.ts'

const DEFAULT_RANGE: Range = '24h'
const PAGE_SIZE = 50
const STATES = ['open', 'resolved'] as const

type ListInput = NonNullable<RouterInputs['ops']['errors']['list']>
type ExportFilters = Omit<ListInput, 'limit' | 'cursor'>

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
    cursor: readText(params, 'cursor'),
  }
}

/** What an export of all of them is asked for. */
export function toExportFilters({ state, time, cursor: _cursor, ...filters }: ErrorFilters): ExportFilters {
  const resolved = state === undefined ? undefined : state === 'resolved'
  return withoutUndefined({ ...filters, ...opsSpan(time), resolved })
}

export function toListInput(filters: ErrorFilters): ListInput {
  return withoutUndefined({ ...toExportFilters(filters), cursor: filters.cursor, limit: PAGE_SIZE })
}

function withoutUndefined(input: ListInput): ListInput {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
}

/** True where anything but the range narrows the list. */
export function isFiltered({ time: _time, cursor: _cursor, ...filters }: ErrorFilters): boolean {
  return Object.values(filters).some((value) => value !== undefined)
}
