import type { OpsErrorsList, OpsErrorsResolve } from '@turnpike/core/inputs/ops'
import type { Db } from '@turnpike/db'
import { opsErrorLogs } from '@turnpike/db/schema'
import { and, desc, eq, gte, ilike, inArray, isNotNull, isNull, lt, lte, or, type SQL, sql } from 'drizzle-orm'
import { AppError } from '../../../shared/app-error.ts'
import { type Actor, recordAudit } from '../../../shared/audit.ts'
import { containing, type Page, pageOf } from '../../../shared/keyset.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import { spanOf } from '../queries/window-of.ts'
import type { ErrorsOfRequests, RefusedRequest } from '../requests/requests.ts'
import { type ErrorRecord, type ErrorSummary, toRecord, toSummary } from './error-record.ts'

export interface ErrorPage extends Page<ErrorSummary> {
  /** Rows that match; beyond `MAX_COUNTED` they are not counted on. */
  total: number
  totalIsExact: boolean
}

const MAX_COUNTED = 10_000

export type Errors = ReturnType<typeof createErrors>

/** The error log as operators read it. */
export function createErrors({ database: { db }, clock }: { database: Db; clock: WallClock }) {
  /** Newest first. */
  async function list({ limit, cursor, ...filters }: OpsErrorsList): Promise<ErrorPage> {
    const matching = conditions(filters, clock.now())
    const after = cursor ? cursorOf(cursor) : undefined
    const [rows, counted] = await Promise.all([
      newest(matching, limit + 1, after),
      db.select({ count: sql<number>`count(*)::int` }).from(
        db
          .select({ one: sql`1` })
          .from(opsErrorLogs)
          .where(and(...matching))
          .limit(MAX_COUNTED + 1)
          .as('matching'),
      ),
    ])
    const total = counted[0]?.count ?? 0
    const page = pageOf(rows, limit, placeOf)
    return {
      items: page.items.map(toSummary),
      nextCursor: page.nextCursor,
      total: Math.min(total, MAX_COUNTED),
      totalIsExact: total <= MAX_COUNTED,
    }
  }

  function newest(matching: readonly (SQL | undefined)[], limit: number, after: SQL | undefined) {
    return db
      .select()
      .from(opsErrorLogs)
      .where(and(...matching, after))
      .orderBy(desc(opsErrorLogs.createdAt), desc(opsErrorLogs.id))
      .limit(limit)
  }

  /** All of them as of now, newest first; a function that gives so many at a time, none at the end. */
  function reading(filters: ErrorFilters): (limit: number) => Promise<ErrorRecord[]> {
    const matching = conditions(filters, clock.now())
    let after: SQL | undefined
    return async (limit) => {
      const rows = await newest(matching, limit, after)
      const last = rows.at(-1)
      if (last !== undefined) after = cursorOf(placeOf(last))
      return rows.map(toRecord)
    }
  }

  async function get(id: number): Promise<ErrorRecord> {
    const [row] = await db.select().from(opsErrorLogs).where(eq(opsErrorLogs.id, id)).limit(1)
    if (row === undefined) throw new AppError('not_found', { field: 'id' })
    return toRecord(row)
  }

  /** Marks errors as seen to, or as open again. Throws `not_found` where one of them is none. */
  async function resolve({ ids, resolved }: OpsErrorsResolve, actor: Actor): Promise<{ items: ErrorSummary[] }> {
    return db.transaction(async (tx) => {
      const values = resolved
        ? { resolvedAt: new Date(clock.now()), resolvedBy: actor.name }
        : { resolvedAt: null, resolvedBy: null }
      const rows = await tx.update(opsErrorLogs).set(values).where(inArray(opsErrorLogs.id, ids)).returning()
      if (rows.length < ids.length) throw new AppError('not_found', { field: 'ids' })
      await recordAudit(tx, actor, {
        action: resolved ? 'ops.errors.resolve' : 'ops.errors.reopen',
        target: { type: 'error', id: ids.length === 1 ? String(ids[0]) : null },
        change: { ids },
      })
      return { items: rows.toSorted((a, b) => b.id - a.id).map(toSummary) }
    })
  }

  /** Requests that were turned away and are in no ledger, newest first. */
  const refusals: ErrorsOfRequests['refusals'] = async (window, limit, after) => {
    const { from, to, errorCode, endpoint, ...equal } = window
    const t = opsErrorLogs
    const rows = await db
      .select()
      .from(t)
      .where(
        and(
          eq(t.source, 'refusal'),
          gte(t.createdAt, from),
          lt(t.createdAt, to),
          ...REFUSAL_EQUALS.map((name) => (equal[name] === undefined ? undefined : eq(t[name], equal[name]))),
          endpoint === undefined ? undefined : eq(t.path, endpoint),
          errorCode === undefined ? undefined : eq(t.code, errorCode),
          after === null
            ? undefined
            : and(
                lte(t.createdAt, after.createdAt),
                sql`(${t.createdAt}, ${t.requestId}) < (${after.createdAt.toISOString()}::timestamptz, ${after.requestId}::uuid)`,
              ),
        ),
      )
      .orderBy(desc(t.createdAt), desc(t.requestId))
      .limit(limit)
    return rows.map(toSummary).filter(isOfRequest)
  }

  /** All that went wrong with one request, newest first. */
  async function ofRequest(requestId: string): Promise<ErrorSummary[]> {
    const t = opsErrorLogs
    const rows = await db
      .select()
      .from(t)
      .where(eq(t.requestId, requestId))
      .orderBy(desc(t.createdAt), desc(t.id))
      .limit(MAX_OF_REQUEST)
    return rows.map(toSummary)
  }

  /** Those after an id, oldest first; for following the log. */
  async function after(id: number, limit: number): Promise<ErrorSummary[]> {
    const rows = await db
      .select()
      .from(opsErrorLogs)
      .where(and(sql`${opsErrorLogs.id} > ${id}`, gte(opsErrorLogs.createdAt, new Date(clock.now() - FOLLOWED_MS))))
      .orderBy(opsErrorLogs.id)
      .limit(limit)
    return rows.map(toSummary)
  }

  async function newestId(): Promise<number> {
    const [row] = await db
      .select({ id: sql<number>`coalesce(max(${opsErrorLogs.id}), 0)::float8` })
      .from(opsErrorLogs)
      .where(gte(opsErrorLogs.createdAt, new Date(clock.now() - FOLLOWED_MS)))
    return row?.id ?? 0
  }

  return { list, reading, get, refusals, ofRequest, resolve, after, newestId }
}

const REFUSAL_EQUALS = ['userId', 'keyId', 'groupId', 'model', 'status', 'requestId', 'clientRequestId'] as const

/** A request makes as many attempts at most, and one end. */
const MAX_OF_REQUEST = 100

/** Who follows the log sees errors of this long ago at most. */
const FOLLOWED_MS = 15 * 60_000

type ErrorFilters = Omit<OpsErrorsList, 'limit' | 'cursor'>

function conditions(filters: ErrorFilters, nowMs: number): (SQL | undefined)[] {
  const { resolved, query, requestId, range, from, to } = filters
  const isAsked = range !== undefined || from !== undefined || to !== undefined
  // One request's errors are found whenever they were.
  const { fromMs, toMs } = spanOf(isAsked || requestId !== undefined ? filters : { range: '24h' }, nowMs)
  const end = to === undefined ? nowMs + 1 : toMs
  const t = opsErrorLogs
  return [
    requestId !== undefined && !isAsked
      ? undefined
      : and(gte(t.createdAt, new Date(fromMs)), lt(t.createdAt, new Date(end))),
    ...EQUALS.map((name) => {
      const value = filters[name]
      return value === undefined ? undefined : eq(t[name], value)
    }),
    filters.endpoint === undefined ? undefined : eq(t.path, filters.endpoint),
    resolved === undefined ? undefined : resolved ? isNotNull(t.resolvedAt) : isNull(t.resolvedAt),
    query === undefined
      ? undefined
      : or(...[t.message, t.code, t.path, t.upstreamBody].map((column) => ilike(column, containing(query)))),
  ]
}

const EQUALS = [
  'phase',
  'owner',
  'severity',
  'source',
  'code',
  'status',
  'provider',
  'groupId',
  'accountId',
  'model',
  'userId',
  'keyId',
  'requestId',
  'instanceId',
] as const

function isOfRequest(error: ErrorSummary): error is RefusedRequest {
  return error.requestId !== null
}

function placeOf({ createdAt, id }: { createdAt: Date; id: number }): string {
  return `${createdAt.getTime()}.${id}`
}

function cursorOf(cursor: string): SQL | undefined {
  const [, atMs, id] = /^(\d{1,15})\.(\d{1,16})$/.exec(cursor) ?? []
  if (atMs === undefined || id === undefined) throw new AppError('invalid_input', { field: 'cursor' })
  const at = new Date(Number(atMs))
  // The moment by itself leaves out the days after it.
  return and(
    lte(opsErrorLogs.createdAt, at),
    sql`(${opsErrorLogs.createdAt}, ${opsErrorLogs.id}) < (${at.toISOString()}::timestamptz, ${Number(id)}::bigint)`,
  )
}
