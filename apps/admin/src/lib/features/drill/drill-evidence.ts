import type { RouterOutputs } from '@turnpike/client'
import type { Api } from '#lib/api/client.ts'
import { FIRST_ACCOUNT_MODEL, type Sandbox, SECOND_ACCOUNT_MODEL } from './drill-plan.ts'

type Event = RouterOutputs['alerts']['events']['list']['items'][number]
type Delivery = RouterOutputs['alerts']['deliveries']['list']['items'][number]

/** What the server knows of a drill: nothing here is counted by the page. */
export interface Evidence {
  /** Faults of this drill that are still set, requests they met, when the last one ends. */
  faults: { set: number; hits: number; endsAt: string | null }
  /** Attempts that failed and whose request another account answered. */
  switched: number
  /** Requests that failed. */
  errors: number
  /** What the drill's rule said since the drill began; null = nothing yet. */
  event: Event | null
  deliveries: Delivery[]
  /** Messages that the sandbox's inbox took, by the id they were sent with: when. */
  taken: ReadonlyMap<string, string>
}

const AIMED_AT = new Set<unknown>([FIRST_ACCOUNT_MODEL, SECOND_ACCOUNT_MODEL])

export async function gatherEvidence(
  api: Api,
  { groupId, ruleId, from }: { groupId: number; ruleId: number; from: string },
  signal: AbortSignal,
): Promise<Evidence> {
  const window = { groupId, from, limit: 1 }
  const [status, all, attempts, events] = await Promise.all([
    api.sandbox.status.query(undefined, { signal }),
    api.ops.errors.list.query(window, { signal }),
    api.ops.errors.list.query({ ...window, source: 'attempt' }, { signal }),
    api.alerts.events.list.query({ ruleId, from, limit: 1 }, { signal }),
  ])
  const event = events.items[0] ?? null
  const told = event && (await api.alerts.deliveries.list.query({ eventId: event.id }, { signal }))
  return {
    faults: faultsIn(status),
    switched: attempts.total,
    errors: all.total - attempts.total,
    event,
    deliveries: told?.items ?? [],
    taken: new Map(status.inbox?.messages.flatMap(({ id, at }) => (id === null ? [] : [[id, at]]))),
  }
}

function faultsIn({ faults }: Sandbox): Evidence['faults'] {
  const ours = faults.filter(({ fault }) => AIMED_AT.has(fault.model))
  const ends = ours.flatMap(({ endsAt }) => endsAt ?? []).toSorted()
  return { set: ours.length, hits: ours.reduce((sum, { hits }) => sum + hits, 0), endsAt: ends.at(-1) ?? null }
}
