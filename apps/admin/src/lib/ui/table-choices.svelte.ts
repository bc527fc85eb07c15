import { goto } from '$app/navigation'
import { page } from '$app/state'
import { readTableMemory, type TableView, withView } from './table-memory.ts'

const STORAGE_PREFIX = 'turnpike.table.'
/** Parts of an address that are of the moment, not of the way a table is seen. */
const PASSING_PARAMS = ['edit', 'create', 'row', 'open']

/** Which columns of a table are left out, and views of it that were kept; remembered in this browser under its name. */
export function createTableChoices(name: string) {
  const stored = readTableMemory(localStorage.getItem(STORAGE_PREFIX + name))
  let hidden = $state.raw(stored.hidden)
  let views = $state.raw(stored.views)

  function keep(): void {
    localStorage.setItem(STORAGE_PREFIX + name, JSON.stringify({ hidden, views }))
  }

  return {
    get hidden() {
      return hidden
    },
    get views() {
      return views
    },
    setShown(id: string, isShown: boolean): void {
      hidden = isShown ? hidden.filter((each) => each !== id) : [...hidden, id]
      keep()
    },
    save(viewName: string): void {
      const params = new URLSearchParams(page.url.search)
      for (const param of PASSING_PARAMS) params.delete(param)
      views = withView(views, { name: viewName, search: params.size === 0 ? '' : `?${params}`, hidden })
      keep()
    },
    forget(view: TableView): void {
      views = views.filter((each) => each !== view)
      keep()
    },
    show(view: TableView): void {
      hidden = view.hidden
      keep()
      void goto(`${page.url.pathname}${view.search}`, { reset: false })
    },
  }
}

export type TableChoices = ReturnType<typeof createTableChoices>
