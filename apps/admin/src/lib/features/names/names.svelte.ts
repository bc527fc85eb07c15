import { SvelteMap } from 'svelte/reactivity'
import type { Api } from '#lib/api/client.ts'
import { toProblem } from '#lib/api/problem.ts'

const KINDS = ['user', 'group', 'key', 'account'] as const
export type NamedKind = (typeof KINDS)[number]

interface Named {
  id: number
  name: string
}

const FIRST_PAGE = 500
const MAX_KEPT = 5_000

/**
 * Names of what requests mention by id. The first question about a kind loads its first page; an id that is not on it
 * (archived, or one of very many) is asked for by itself. Until a name is known the id stands for it.
 */
export function createNames(api: Api) {
  const loaders = {
    user: {
      list: async () => (await api.users.list.query({ limit: FIRST_PAGE })).items.map(namedUser),
      get: async (id: number) => namedUser(await api.users.get.query({ id })),
    },
    group: {
      list: async (): Promise<Named[]> => (await api.groups.list.query({ limit: FIRST_PAGE })).items,
      get: async (id: number): Promise<Named> => api.groups.get.query({ id }),
    },
    key: {
      list: async (): Promise<Named[]> => (await api.keys.list.query({ limit: FIRST_PAGE })).items,
      get: async (id: number): Promise<Named> => api.keys.get.query({ id }),
    },
    account: {
      list: async (): Promise<Named[]> => (await api.accounts.list.query({ limit: FIRST_PAGE })).items,
      get: async (id: number): Promise<Named> => api.accounts.get.query({ id }),
    },
  } satisfies Record<NamedKind, { list(): Promise<Named[]>; get(id: number): Promise<Named> }>

  const known = { user: newMap(), group: newMap(), key: newMap(), account: newMap() }
  const lists = new Map<NamedKind, Promise<void>>()
  const asked = new Set<string>()

  function nameOf(kind: NamedKind, id: number): string {
    const name = known[kind].get(id)
    if (name === undefined) void learn(kind, id)
    return name ?? `#${id}`
  }

  async function learn(kind: NamedKind, id: number): Promise<void> {
    const question = `${kind}/${id}`
    if (asked.has(question)) return
    asked.add(question)
    try {
      await firstPage(kind)
      if (!known[kind].has(id)) remember(kind, await loaders[kind].get(id))
    } catch (error) {
      // The id stands for the name. What may yet be answered is asked for again by the next page that shows it.
      if (toProblem(error).reason !== 'not_found') asked.delete(question)
    }
  }

  function firstPage(kind: NamedKind): Promise<void> {
    let loading = lists.get(kind)
    if (!loading) {
      loading = loadFirstPage(kind)
      lists.set(kind, loading)
    }
    return loading
  }

  async function loadFirstPage(kind: NamedKind): Promise<void> {
    try {
      for (const item of await loaders[kind].list()) remember(kind, item)
    } catch (error) {
      lists.delete(kind)
      throw error
    }
  }

  function remember(kind: NamedKind, { id, name }: Named): void {
    if (known[kind].size >= MAX_KEPT) known[kind].clear()
    known[kind].set(id, name)
  }

  /** Every name that is known of a kind, in the page's order; asks for the first page where that was not done yet. */
  function all(kind: NamedKind): Named[] {
    if (!lists.has(kind)) void firstPage(kind).catch(() => undefined)
    return [...known[kind]].map(([id, name]) => ({ id, name })).sort((a, b) => a.name.localeCompare(b.name))
  }

  return { nameOf, all, remember }
}

export type Names = ReturnType<typeof createNames>

function newMap() {
  return new SvelteMap<number, string>()
}

function namedUser({ id, name, email }: { id: number; name: string; email: string }): Named {
  return { id, name: name || email }
}
