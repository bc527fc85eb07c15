import type { Api } from '#lib/api/client.ts'
import { m } from '#lib/paraglide/messages.js'

const MOST = 500

interface Named {
  id: number
  name: string
}

/** The keys and groups of who looks: what his requests mention by number. */
export interface OwnThings {
  keys: Named[]
  groups: Named[]
}

export async function loadOwnThings(api: Api, signal: AbortSignal): Promise<OwnThings> {
  const [keys, groups] = await Promise.all([
    api.my.keys.list.query({ limit: MOST }, { signal }),
    api.my.groups.query({ limit: MOST }, { signal }),
  ])
  return { keys: keys.items, groups: groups.items }
}

/** The name of one of them; a group that one may no longer use is told by its number. */
export function ownName(things: readonly Named[], id: number): string {
  return things.find((thing) => thing.id === id)?.name ?? m.number_of({ id: String(id) })
}
