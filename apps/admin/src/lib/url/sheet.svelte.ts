import { goto } from '$app/navigation'
import { page } from '$app/state'
import { readId, withParams } from './search-params.ts'

/** The form beside a list, as the address holds it: `?create=1`, or `?edit=7`. Back closes it, a link opens it. */
export function createSheet() {
  const id = $derived(readId(page.url.searchParams, 'edit') ?? null)
  const isOpen = $derived(id !== null || page.url.searchParams.get('create') === '1')

  return {
    /** What is edited; null = a new one. */
    get id() {
      return id
    },
    get isOpen() {
      return isOpen
    },
    close(): void {
      void goto(withParams(page.url, { edit: null, create: null }), { reset: false })
    },
  }
}
