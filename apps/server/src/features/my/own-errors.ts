import type { MyErrorList } from '@turnpike/core/inputs/my'
import type { Endpoint } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { AppError } from '../../shared/app-error.ts'
import { type Page, pageOf } from '../../shared/keyset.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import { type OwnFailure, toOwnError } from './own-request.ts'

const DAY_MS = 86_400_000
const CURSOR = /^(\d{1,15})\.([0-9a-f-]{36})$/

interface FailureRow {
  requestId: string
  createdAt: Date
  endpoint: Endpoint
  keyId: string
  model: string
  status: number
  errorCode: string
}

/** A user's requests that failed, from the ledger: newest first, unasked those of the last 24 hours. */
export function createOwnErrors({ sql, clock }: { sql: Db['sql']; clock: WallClock }) {
  async function list(userId: number, { limit, cursor, ...filters }: MyErrorList): Promise<Page<OwnFailure>> {
    const { keyId, groupId, model } = filters
    const to = filters.to ?? new Date(clock.now())
    const from = filters.from ?? new Date(to.getTime() - DAY_MS)
    if (from >= to) throw new AppError('invalid_input', { field: 'from' })
    const place = cursor ? placeOf(cursor) : null
    const rows = await sql<FailureRow[]>`
      select request_id as "requestId", created_at as "createdAt", endpoint, key_id as "keyId", model, status,
        error_code as "errorCode"
      from usage_logs
      where user_id = ${userId} and created_at >= ${from} and created_at < ${to} and error_code is not null
        ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
        ${groupId === undefined ? sql`` : sql`and group_id = ${groupId}`}
        ${model === undefined ? sql`` : sql`and model = ${model}`}
        ${place ? sql`and (created_at, request_id) < (${place.createdAt}, ${place.requestId})` : sql``}
      order by created_at desc, request_id desc
      limit ${limit + 1}`
    return pageOf(rows.map(toFailure), limit, (item) => `${Date.parse(item.createdAt)}.${item.requestId}`)
  }

  return { list }
}

function toFailure({ requestId, createdAt, endpoint, keyId, model, status, errorCode }: FailureRow): OwnFailure {
  const facts = { requestId, createdAt: createdAt.toISOString(), endpoint, keyId: Number(keyId), model, status }
  return { ...facts, ...toOwnError(errorCode) }
}

function placeOf(cursor: string): { createdAt: Date; requestId: string } {
  const [, ms, requestId] = CURSOR.exec(cursor) ?? []
  if (ms === undefined || requestId === undefined || !UUID.test(requestId)) {
    throw new AppError('invalid_input', { field: 'cursor' })
  }
  return { createdAt: new Date(Number(ms)), requestId }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
