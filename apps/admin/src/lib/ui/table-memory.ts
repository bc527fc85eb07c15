/** A way somebody likes to see a table: its filters and order, as the address has them, and what is left out. */
export interface TableView {
  name: string
  search: string
  hidden: string[]
}

/** What this browser remembers of one table. */
export interface TableMemory {
  hidden: string[]
  views: TableView[]
}

export const MAX_VIEWS = 20
const MAX_NAME = 60
const MAX_HIDDEN = 100

/** Reads what was stored; what makes no sense, or was written by something else, counts as nothing. */
export function readTableMemory(text: string | null): TableMemory {
  const stored = parse(text)
  const views = member(stored, 'views')
  return {
    hidden: textsIn(member(stored, 'hidden')),
    views: (Array.isArray(views) ? views : []).flatMap(viewOf).slice(0, MAX_VIEWS),
  }
}

/** A view of a name that is there already takes its place; above the bound the oldest goes. */
export function withView(views: readonly TableView[], view: TableView): TableView[] {
  const named = { ...view, name: view.name.trim().slice(0, MAX_NAME) }
  if (named.name === '') return [...views]
  return [...views.filter(({ name }) => name !== named.name), named].slice(-MAX_VIEWS)
}

function viewOf(value: unknown): TableView[] {
  const name = member(value, 'name')
  const search = member(value, 'search')
  if (typeof name !== 'string' || typeof search !== 'string') return []
  return [{ name: name.slice(0, MAX_NAME), search, hidden: textsIn(member(value, 'hidden')) }]
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string').slice(0, MAX_HIDDEN) : []
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    // Not ours.
    return null
  }
}
