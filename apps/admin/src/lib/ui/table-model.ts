import {
  type ColumnDef,
  constructTable,
  createSortedRowModel,
  rowSortingFeature,
  type SortingState,
  tableFeatures,
} from '@tanstack/table-core'
import { storeReactivityBindings } from '@tanstack/table-core/store-reactivity-bindings'
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

const features = tableFeatures({
  coreReactivityFeature: storeReactivityBindings(),
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
})

/** The rows as the list shows them: as they came, or sorted by one column in the language's order. */
export function sortRows<Row extends object>(
  rows: readonly Row[],
  columns: readonly Pick<Column<Row>, 'id' | 'value'>[],
  sort: Sort | null,
  locale: string,
): Row[] {
  const collator = new Intl.Collator(locale, { numeric: true, sensitivity: 'base' })
  const sorting: SortingState = sort ? [{ id: sort.id, desc: sort.isDescending }] : []
  const table = constructTable({
    features,
    data: [...rows],
    columns: columns.map((column) => columnOf(column, collator)),
    state: { sorting },
  })
  return table.getRowModel().rows.map((row) => row.original)
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

function columnOf<Row extends object>(
  { id, value }: Pick<Column<Row>, 'id' | 'value'>,
  collator: Intl.Collator,
): ColumnDef<typeof features, Row> {
  return {
    id,
    // The table keeps undefined last in either direction.
    accessorFn: (row) => value?.(row) ?? undefined,
    sortUndefined: 'last',
    sortFn: (a, b, columnId) => compare(a.getValue(columnId), b.getValue(columnId), collator),
  }
}

function compare(a: unknown, b: unknown, collator: Intl.Collator): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b))
}
