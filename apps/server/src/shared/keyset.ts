import { AppError } from './app-error.ts'

export interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}

/** The id a list by id goes on after; null = from the start. */
export function afterId(cursor: string | null | undefined): number | null {
  if (cursor === null || cursor === undefined) return null
  const id = Number(cursor)
  if (!/^\d{1,16}$/.test(cursor) || !Number.isSafeInteger(id)) throw new AppError('invalid_input', { field: 'cursor' })
  return id
}

/** A place among requests, newest first: a moment and an id. */
export interface RequestPlace {
  createdAt: Date
  requestId: string
}

const REQUEST_CURSOR = /^(\d{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** Where a list of requests goes on; null = from the newest. Throws `invalid_input`. */
export function afterRequest(cursor: string | null | undefined): RequestPlace | null {
  if (cursor === null || cursor === undefined) return null
  const [, ms, requestId] = REQUEST_CURSOR.exec(cursor) ?? []
  const createdAt = new Date(Number(ms))
  if (requestId === undefined || Number.isNaN(createdAt.getTime())) {
    throw new AppError('invalid_input', { field: 'cursor' })
  }
  return { createdAt, requestId }
}

/** When a request began: its id is a UUIDv7, the first 48 bits of which are that moment; null = it is none of ours. */
export function timeOfRequest(requestId: string): Date | null {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(requestId)) return null
  return new Date(Number.parseInt(requestId.slice(0, 8) + requestId.slice(9, 13), 16))
}

/** The cursor of a list that ends with this request. */
export function requestCursor({ createdAt, requestId }: { createdAt: string; requestId: string }): string {
  return `${Date.parse(createdAt)}.${requestId}`
}

/** A page of `limit` from rows of which one more than `limit` was asked for. */
export function pageOf<Item>(rows: Item[], limit: number, cursorOf: (item: Item) => string): Page<Item> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null }
}

/** A LIKE pattern that finds `text` anywhere, as it was typed. */
export function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`
}
