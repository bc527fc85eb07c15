import type { MyErrorList } from '@turnpike/core/inputs/my'
import type { Db } from '@turnpike/db'
import { AppError } from '../../shared/app-error.ts'
import { afterRequest, type Page, pageOf, requestCursor } from '../../shared/keyset.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import { type OwnFailure, toOwnError } from './own-request.ts'

const DAY_MS = 86_400_000

interface FailureRow {
  requestId: string
  createdAt: Date
  endpoint: string
  keyId: string
  model: string | null
  status: number
  errorCode: string
  count: number
}

/**
 * A user's requests that failed, from the ledger, and those that were turned away, from the error log: newest first, unasked
 * those of the last 24 hours.
 */
export function createOwnErrors({ sql, clock }: { sql: Db['sql']; clock: WallClock }) {
  async function list(userId: number, { limit, cursor, ...filters }: MyErrorList): Promise<Page<OwnFailure>> {
    const { keyId, groupId, model } = filters
    const to = filters.to ?? new Date(clock.now())
    const from = filters.from ?? new Date(to.getTime() - DAY_MS)
    if (from >= to) throw new AppError('invalid_input', { field: 'from' })
    const place = afterRequest(cursor)
    const meant = sql`user_id = ${userId} and created_at >= ${from} and created_at < ${to}
      ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
      ${groupId === undefined ? sql`` : sql`and group_id = ${groupId}`}
      ${model === undefined ? sql`` : sql`and model = ${model}`}
      ${place ? sql`and (created_at, request_id) < (${place.createdAt}, ${place.requestId})` : sql``}`
    const newest = sql`order by created_at desc, request_id desc limit ${limit + 1}`
    const rows = await sql<FailureRow[]>`
      select request_id as "requestId", created_at as "createdAt", endpoint, key_id as "keyId", model, status,
        error_code as "errorCode", count
      from (
        (select request_id, created_at, endpoint, key_id, model, status, error_code, 1 as count
          from usage_logs where ${meant} and error_code is not null ${newest})
        union all
        (select request_id, created_at, coalesce(path, ''), key_id, model, status, code, count
          from ops_error_logs where ${meant} and source = 'refusal' and key_id is not null ${newest})
      ) as failures
      ${newest}`
    return pageOf(rows.map(toFailure), limit, requestCursor)
  }

  return { list }
}

function toFailure({ requestId, createdAt, endpoint, keyId, model, status, errorCode, count }: FailureRow): OwnFailure {
  const facts = { requestId, createdAt: createdAt.toISOString(), endpoint, keyId: Number(keyId), model, status, count }
  return { ...facts, ...toOwnError(errorCode) }
}
