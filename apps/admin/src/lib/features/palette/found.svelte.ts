import type { RouterOutputs } from '@turnpike/client'
import { getApp } from '#lib/app-context.ts'

export interface Found {
  accounts: RouterOutputs['accounts']['list']['items']
  users: RouterOutputs['users']['list']['items']
  keys: RouterOutputs['keys']['list']['items']
  groups: RouterOutputs['groups']['list']['items']
}

const PAUSE_MS = 150
const MAX_FOUND = 6
const NOTHING: Found = { accounts: [], users: [], keys: [], groups: [] }

/** What the server has of a name, of each kind that may be looked at; asked after a pause in the typing. */
export function createFound(wanted: () => string) {
  const { api, session } = getApp()
  let found = $state.raw<Found>(NOTHING)

  $effect(() => {
    const query = wanted()
    if (query === '') {
      found = NOTHING
      return
    }
    const leaving = new AbortController()
    const timer = setTimeout(() => void look(query, leaving.signal), PAUSE_MS)
    return () => {
      clearTimeout(timer)
      leaving.abort()
    }
  })

  async function look(query: string, signal: AbortSignal): Promise<void> {
    const input = { query: query.slice(0, 200), limit: MAX_FOUND }
    try {
      const [accounts, users, keys, groups] = await Promise.all([
        session.can('accounts:read') ? api.accounts.list.query(input, { signal }) : null,
        session.can('users:read') ? api.users.list.query(input, { signal }) : null,
        session.can('keys:read') ? api.keys.list.query(input, { signal }) : null,
        session.can('groups:read') ? api.groups.list.query(input, { signal }) : null,
      ])
      if (signal.aborted) return
      found = {
        accounts: accounts?.items ?? [],
        users: users?.items ?? [],
        keys: keys?.items ?? [],
        groups: groups?.items ?? [],
      }
    } catch {
      // The pages can still be jumped to; the next key stroke asks again.
      if (!signal.aborted) found = NOTHING
    }
  }

  return {
    get current() {
      return found
    },
  }
}
