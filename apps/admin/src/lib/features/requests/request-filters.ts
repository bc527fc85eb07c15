import type { RouterInputs } from '@turnpike/client'
import { ENDPOINTS, type Endpoint, OUTCOMES, type OutcomeKind } from '@turnpike/core/words'
import { opsSpan, readTimeRange, type TimeRange } from '#lib/time-range/time-range.ts'
import { readId, readOneOf, readText } from '#lib/url/search-params.ts'

const DEFAULT_RANGE = '24h'
/** One request is looked for as far back as that is quick: by our own id in no time at all, whenever it was. */
const LOOK_UP_RANGE = '30d'
const CLIENT_LOOK_UP_RANGE = '7d'
const KINDS = ['request', 'refusal'] as const

type ListInput = Extract<RouterInputs['ops']['requests']['list'], object>
type FilterInput = Omit<ListInput, 'limit' | 'cursor'>

/** What the requests page shows, as its address holds it. */
export interface RequestFilters extends TimeRange {
  kind: (typeof KINDS)[number] | undefined
  userId: number | undefined
  keyId: number | undefined
  groupId: number | undefined
  accountId: number | undefined
  model: string | undefined
  endpoint: Endpoint | undefined
  outcome: OutcomeKind | undefined
  status: number | undefined
  code: string | undefined
  requestId: string | undefined
  clientRequestId: string | undefined
}

/** Reads an address. What makes no sense there counts as not given, so that a mangled link still shows something. */
export function readRequestFilters(params: Pick<URLSearchParams, 'get'>): RequestFilters {
  const requestId = readRequestId(params.get('request') ?? '')
  const clientRequestId = readText(params, 'client', 128)
  const lookUpRange = requestId === undefined ? CLIENT_LOOK_UP_RANGE : LOOK_UP_RANGE
  const isLookUp = requestId !== undefined || clientRequestId !== undefined
  return {
    ...readTimeRange(params, isLookUp ? lookUpRange : DEFAULT_RANGE),
    kind: readOneOf(params, 'kind', KINDS),
    userId: readId(params, 'user'),
    keyId: readId(params, 'key'),
    groupId: readId(params, 'group'),
    accountId: readId(params, 'account'),
    model: readText(params, 'model'),
    endpoint: readOneOf(params, 'endpoint', ENDPOINTS),
    outcome: readOneOf(params, 'outcome', OUTCOMES),
    status: readStatus(params),
    code: readText(params, 'code', 80),
    requestId,
    clientRequestId,
  }
}

/** What the server is asked for, whether page by page or as an export of them all. */
export function toInput({ range, from, to, ...filters }: RequestFilters): FilterInput {
  // An id of ours holds its own time.
  const isFoundByTime = filters.requestId !== undefined && range === LOOK_UP_RANGE
  return withoutUndefined({ ...filters, ...(isFoundByTime ? {} : opsSpan({ range, from, to })) })
}

/** True where anything but the range narrows the list. */
export function isFiltered({ range: _range, from: _from, to: _to, ...filters }: RequestFilters): boolean {
  return Object.values(filters).some((value) => value !== undefined)
}

/** The request id in a text, also where it was pasted with its prefix; undefined where there is none. */
export function readRequestId(text: string): string | undefined {
  return /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i.exec(text)?.[0].toLowerCase()
}

/** What was typed to find one request: an id of ours (a UUIDv7), or whatever its caller named it. */
export function readLookUp(text: string): { request: string | null; client: string | null } {
  const id = readRequestId(text)
  if (id !== undefined && id[14] === '7') return { request: id, client: null }
  return { request: null, client: text.trim().slice(0, 128) || null }
}

function readStatus(params: Pick<URLSearchParams, 'get'>): number | undefined {
  const value = params.get('status') ?? ''
  return /^[1-5]\d\d$/.test(value) ? Number(value) : undefined
}

function withoutUndefined(input: FilterInput): FilterInput {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
}
