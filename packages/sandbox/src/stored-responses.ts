import { createBoundedMap } from './bounded-map.ts'
import type { Plan } from './plan.ts'
import { Refusal } from './refusal.ts'

type Kept = NonNullable<Plan['kept']>

/** The answers that GET, DELETE, cancel and input_items of `/responses/{id}` speak about. */
export interface StoredResponses {
  keep(kept: Kept, id: string, created: string): void
  /** The JSON of an answer. @throws Refusal 404, 405 or 400 as OpenAI does */
  serve(method: string, id: string, action: string | undefined): string
  /** The events of an answer after the one with that number. @throws Refusal 404 */
  replay(id: string, startingAfter: number): string
}

const MAX_STORED = 1_000

export function createStoredResponses(): StoredResponses {
  const stored = createBoundedMap<string, { kept: Kept; created: string }>(MAX_STORED)

  function find(id: string) {
    const found = stored.get(id)
    if (found === undefined) throw new Refusal(404, null, `Response with id '${id}' not found.`)
    return found
  }

  return {
    keep: (kept, id, created) => stored.set(`resp_${id}`, { kept, created }),
    serve(method, id, action) {
      const { kept, created } = find(id)
      if (method === 'GET' && action === undefined) return kept.body(id.slice('resp_'.length), created)
      if (method === 'GET' && action === 'input_items') return itemList(kept.items)
      if (method === 'DELETE' && action === undefined) {
        stored.delete(id)
        return JSON.stringify({ id, object: 'response', deleted: true })
      }
      if (method === 'POST' && action === 'cancel') {
        throw new Refusal(400, null, 'Only responses with background=true can be cancelled.')
      }
      throw new Refusal(405, 'method_not_allowed', 'Method not allowed')
    },
    replay(id, startingAfter) {
      const { kept, created } = find(id)
      const events = kept.events().slice(startingAfter + 1)
      return events.map((event) => event(id.slice('resp_'.length), created)).join('')
    },
  }
}

function itemList(items: Kept['items']): string {
  const data = items.map((item, index) => ({ id: `item_${index}`, ...item }))
  const ids = data.map((item) => item.id)
  return JSON.stringify({ object: 'list', data, first_id: ids[0], last_id: ids.at(-1), has_more: false })
}
