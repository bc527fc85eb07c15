import { tick } from 'svelte'
import type { MoreRows } from '#lib/api/paged-query.svelte.ts'
import { goto } from '$app/navigation'
import { page } from '$app/state'
import { withParams } from './search-params.ts'

type Id = string | number

interface RowDrawerOptions<Row, Key extends Id> {
  /** The parameter of the address that holds the row's id; `row` if left out. */
  param?: string
  /** What the parameter holds, null where it is no id. */
  read: (params: Pick<URLSearchParams, 'get'>) => Key | null
  /** The rows as the list shows them. */
  rows: () => readonly Row[]
  rowId: (row: Row) => Key
  /** Where the rows go on. */
  more: MoreRows
}

export interface RowDrawer<Key extends Id> {
  /** The row that is looked at; null = none. */
  readonly id: Key | null
  readonly hasPrevious: boolean
  readonly hasNext: boolean
  hrefOf(row: Key): string
  step(by: 1 | -1): Promise<void>
  close(): void
}

/**
 * The row of a list that is looked at beside it, as the address holds it: `?row=7`. It need not be among those that are
 * loaded. Stepping leaves no trail of history, and loads further rows at the last one.
 */
export function createRowDrawer<Row, Key extends Id>({
  param = 'row',
  read,
  rows,
  rowId,
  more,
}: RowDrawerOptions<Row, Key>): RowDrawer<Key> {
  const id = $derived(read(page.url.searchParams))
  const place = $derived(placeOf(id))

  function placeOf(wanted: Key | null): number {
    return wanted === null ? -1 : rows().findIndex((row) => rowId(row) === wanted)
  }

  function beside(by: 1 | -1): Key | null {
    const row = place === -1 ? undefined : rows()[place + by]
    return row === undefined ? null : rowId(row)
  }

  function show(next: Key | null, replace: boolean): void {
    void goto(withParams(page.url, { [param]: next }), { reset: false, replace })
  }

  function canLoad(): boolean {
    return place !== -1 && (more.state.kind === 'idle' || more.state.kind === 'failed')
  }

  return {
    get id() {
      return id
    },
    get hasPrevious() {
      return beside(-1) !== null
    },
    get hasNext() {
      return beside(1) !== null || canLoad()
    },
    hrefOf: (row) => withParams(page.url, { [param]: row }),
    async step(by) {
      const from = id
      if (by === 1 && beside(1) === null && canLoad()) {
        await more.load()
        // The list puts them in their order first.
        await tick()
      }
      const next = from === id ? beside(by) : null
      if (next !== null) show(next, true)
    },
    close() {
      show(null, false)
    },
  }
}
