import { goto } from '$app/navigation'
import { page } from '$app/state'
import { readId, withParams } from './search-params.ts'

/** A dialog about one object, as the address holds it: `?adjust=7`. Back closes it, a link opens it. */
export function createUrlDialog(param: string) {
  const id = $derived(readId(page.url.searchParams, param) ?? null)

  return {
    /** What it is about; null = it is closed. */
    get id() {
      return id
    },
    close(): void {
      void goto(withParams(page.url, { [param]: null }), { reset: false })
    },
  }
}
