import type { OpsRequestsList } from '@turnpike/core/inputs/ops'
import { AppError } from '../../../shared/app-error.ts'
import {
  afterRequest,
  type Page,
  pageOf,
  type RequestPlace,
  requestCursor,
  timeOfRequest,
} from '../../../shared/keyset.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import type { ErrorSummary } from '../errors/error-record.ts'
import { assertOneSpan, RANGE_MS } from '../queries/window-of.ts'

type RequestFilters = Omit<OpsRequestsList, 'limit' | 'cursor' | 'kind'>

interface RequestWindow extends Omit<RequestFilters, 'range' | 'from' | 'to' | 'code'> {
  from: Date
  /** Exclusive. */
  to: Date
  errorCode?: string | undefined
}

interface Placed {
  requestId: string
  createdAt: string
}

/** The ledger: one row for every request with an outcome. */
export interface LedgerOfRequests<Row extends Placed, Detail extends Placed> {
  newest(window: RequestWindow, limit: number, after: RequestPlace | null): Promise<Row[]>
  /** Throws `not_found`. */
  get(requestId: string): Promise<Detail>
}

/** What the error log knows of requests. */
export interface ErrorsOfRequests {
  refusals(window: RequestWindow, limit: number, after: RequestPlace | null): Promise<RefusedRequest[]>
  /** Every row of one request, newest first. */
  ofRequest(requestId: string): Promise<ErrorSummary[]>
}

/** A row of the error log that tells of a request: `count` of them where they were folded. */
export type RefusedRequest = ErrorSummary & { requestId: string }

export type RequestEntry<Row> = ({ kind: 'request' } & Row) | ({ kind: 'refusal' } & RefusedRequest)

/** One request with all that is known of it: from the ledger, or how it was turned away; and its errors. */
export type RequestStory<Detail> = RequestEntry<Detail> & { errors: ErrorSummary[] }

export interface Requests<Row, Detail> {
  /** Newest first. Throws `invalid_input`. */
  list(input: OpsRequestsList): Promise<Page<RequestEntry<Row>>>
  /** All of them as of now, newest first; a function that gives so many at a time, none at the end. Throws `invalid_input`. */
  reading(input: Omit<OpsRequestsList, 'limit' | 'cursor'>): (limit: number) => Promise<RequestEntry<Row>[]>
  /** Throws `not_found`: it is not (yet) in the ledger, nor in the error log. */
  get(requestId: string): Promise<RequestStory<Detail>>
}

interface RequestsOptions<Row extends Placed, Detail extends Placed> {
  ledger: LedgerOfRequests<Row, Detail>
  errors: ErrorsOfRequests
  clock: WallClock
}

/** Every request that came: the ledger, and what was turned away before it came into it (ops.md, "Queries"). */
export function createRequests<Row extends Placed, Detail extends Placed>({
  ledger,
  errors,
  clock,
}: RequestsOptions<Row, Detail>): Requests<Row, Detail> {
  async function list({ limit, cursor, kind, ...filters }: OpsRequestsList): Promise<Page<RequestEntry<Row>>> {
    const after = afterRequest(cursor)
    const entries = await newest({ window: windowOf(filters, clock.now()), kind }, limit + 1, after)
    return pageOf(entries, limit, requestCursor)
  }

  const reading: Requests<Row, Detail>['reading'] = ({ kind, ...filters }) => {
    const window = windowOf(filters, clock.now())
    let after: RequestPlace | null = null
    return async (limit) => {
      const entries = await newest({ window, kind }, limit, after)
      const last = entries.at(-1)
      if (last !== undefined) after = afterRequest(requestCursor(last))
      return entries
    }
  }

  async function newest(
    { window, kind }: { window: RequestWindow; kind: OpsRequestsList['kind'] },
    limit: number,
    after: RequestPlace | null,
  ): Promise<RequestEntry<Row>[]> {
    // What was turned away was given no account, and has no outcome.
    const hasRefusals = kind !== 'request' && window.accountId === undefined && window.outcome === undefined
    const [rows, refusals] = await Promise.all([
      kind === 'refusal' ? [] : ledger.newest(window, limit, after),
      hasRefusals ? errors.refusals(window, limit, after) : [],
    ])
    const entries = [
      ...rows.map((row): RequestEntry<Row> => ({ kind: 'request', ...row })),
      ...refusals.map((refusal): RequestEntry<Row> => ({ kind: 'refusal', ...refusal })),
    ]
    return entries.toSorted(newestFirst).slice(0, limit)
  }

  async function get(requestId: string): Promise<RequestStory<Detail>> {
    const [detail, known] = await Promise.all([
      ledger.get(requestId).catch((error: unknown) => {
        if (error instanceof AppError && error.reason === 'not_found') return null
        throw error
      }),
      errors.ofRequest(requestId),
    ])
    if (detail !== null) return { kind: 'request', ...detail, errors: known }
    const refused = known.find(({ source }) => source === 'refusal')
    if (refused === undefined) throw new AppError('not_found', { field: 'requestId' })
    return { kind: 'refusal', ...refused, requestId, errors: known }
  }

  return { list, reading, get }
}

function newestFirst(a: Placed, b: Placed): number {
  return Date.parse(b.createdAt) - Date.parse(a.createdAt) || (a.requestId < b.requestId ? 1 : -1)
}

/** A request is over so long after it began, whatever became of it; its refusal is dated by its end. */
const LONGEST_MS = 2 * 3_600_000

function windowOf({ range, from, to, code, ...filters }: RequestFilters, nowMs: number): RequestWindow {
  assertOneSpan({ range, from, to })
  const isAsked = range !== undefined || from !== undefined || to !== undefined
  const begunAt = filters.requestId === undefined ? null : timeOfRequest(filters.requestId)
  if (!isAsked && begunAt !== null) {
    return { ...filters, from: begunAt, to: new Date(begunAt.getTime() + LONGEST_MS), errorCode: code }
  }
  // What ended in this very millisecond is there, too.
  const end = to ?? new Date(nowMs + 1)
  const usual = filters.clientRequestId === undefined ? '24h' : '7d'
  const begin = from ?? new Date(end.getTime() - RANGE_MS[range ?? usual])
  if (begin >= end) throw new AppError('invalid_input', { field: 'from' })
  return { ...filters, from: begin, to: end, errorCode: code }
}
