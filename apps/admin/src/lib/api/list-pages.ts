/** What a list comes with. */
export const FIRST_ROWS = 100

/** What lists hold: most are told apart by a number, requests by their id. */
export type Listed = { id: number | string } | { requestId: string }

/** One page of a list, as every list of the API answers. */
export interface ListPage {
  items: Listed[]
  /** Where the next page begins; null at the end. */
  nextCursor: string | null
}

/** The list with a further page at its end. What moved between the two pages is there once. */
export function withNextPage<Page extends ListPage>(loaded: Page, next: Page): Page {
  return { ...loaded, items: [...loaded.items, ...without(next.items, loaded.items)], nextCursor: next.nextCursor }
}

/**
 * The list after its beginning was asked for again: what was loaded below stays. Where the two no longer meet, more came
 * in between than was asked for, and the list begins anew.
 */
export function withNewerStart<Page extends ListPage>(loaded: Page, start: Page): Page {
  const last = start.items.at(-1)
  if (last === undefined || start.nextCursor === null) return start
  const meetAt = loaded.items.findIndex((item) => idOf(item) === idOf(last))
  const below = meetAt === -1 ? [] : without(loaded.items.slice(meetAt + 1), start.items)
  if (below.length === 0) return start
  return { ...start, items: [...start.items, ...below], nextCursor: loaded.nextCursor }
}

function without(items: readonly Listed[], known: readonly Listed[]): Listed[] {
  const ids = new Set(known.map(idOf))
  return items.filter((item) => !ids.has(idOf(item)))
}

function idOf(item: Listed): number | string {
  return 'id' in item ? item.id : item.requestId
}
