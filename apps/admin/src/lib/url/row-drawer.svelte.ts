import { goto } from '$app/navigation'
import { page } from '$app/state'
import { withParams } from './search-params.ts'

/** The row of a list that is looked at beside it, as the address holds it: `?row=7`. Stepping leaves no trail of history. */
export function createRowDrawer(ids: () => readonly (string | number)[]) {
  const id = $derived(page.url.searchParams.get('row'))
  const place = $derived(ids().findIndex((each) => String(each) === id))

  function show(next: string | number | null, replace: boolean): void {
    void goto(withParams(page.url, { row: next }), { reset: false, replace })
  }

  function at(index: number): string | number | null {
    return place === -1 ? null : (ids()[index] ?? null)
  }

  return {
    /** Null where the list has no such row. */
    get id() {
      return place === -1 ? null : id
    },
    get hasPrevious() {
      return at(place - 1) !== null
    },
    get hasNext() {
      return at(place + 1) !== null
    },
    hrefOf: (row: string | number): string => withParams(page.url, { row }),
    step(by: 1 | -1): void {
      const next = at(place + by)
      if (next !== null) show(next, true)
    },
    close(): void {
      show(null, false)
    },
  }
}
