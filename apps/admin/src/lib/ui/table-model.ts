import type { Snippet } from 'svelte'

/** One column of a list. With `value` it can be sorted by; null sorts last. */
export interface Column<Row> {
  id: string
  header: string
  value?: (row: Row) => string | number | null
  align?: 'start' | 'end'
  cell: Snippet<[Row]>
}

export interface Sort {
  id: string
  isDescending: boolean
}

/** What the next click on a column's head means: ascending, descending, as it came. */
export function nextSort(sort: Sort | null, id: string): Sort | null {
  if (sort?.id !== id) return { id, isDescending: false }
  return sort.isDescending ? null : { id, isDescending: true }
}

/** A sort as the address holds it: `name`, or `-name` downwards. */
export function parseSort(text: string | null, columns: readonly { id: string; value?: unknown }[]): Sort | null {
  const isDescending = text?.startsWith('-') ?? false
  const id = isDescending ? text?.slice(1) : text
  const column = columns.find((each) => each.id === id && each.value !== undefined)
  return column ? { id: column.id, isDescending } : null
}

export function printSort(sort: Sort | null): string | null {
  return sort && `${sort.isDescending ? '-' : ''}${sort.id}`
}
