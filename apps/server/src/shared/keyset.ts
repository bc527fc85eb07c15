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
