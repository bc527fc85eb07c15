import {
  type ColumnDef,
  constructTable,
  createSortedRowModel,
  rowSortingFeature,
  type SortingState,
  tableFeatures,
} from '@tanstack/table-core'
import { storeReactivityBindings } from '@tanstack/table-core/store-reactivity-bindings'
import type { Column, Sort } from './table-model.ts'

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
