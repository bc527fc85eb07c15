import { GatewayError } from '@turnpike/core/gateway/errors'
import { activeSubscription } from '@turnpike/db'
import type { Sql } from 'postgres'
import { within } from '../../../shared/deadline.ts'
import { LEASE_TIMEOUT_MS } from './purse.ts'

/** Subscriptions remembered; they are looked up again when they are wanted. */
const MAX_REMEMBERED = 10_000

interface Known {
  id: number
  expiresAtMs: number
}

/** Which subscription of a user to a group counts now: looked up once, until it ends or something changes. */
export function createSubscriptions({ sql, now }: { sql: Sql; now: () => number }) {
  const known = new Map<string, Known>()
  const looking = new Map<string, Promise<Known>>()

  /** Throws subscription_expired where there is none, not yet or no more; balance_unavailable. */
  function find(userId: number, groupId: number): number | Promise<number> {
    const name = `${userId}:${groupId}`
    const found = known.get(name)
    if (found !== undefined && found.expiresAtMs > now()) return found.id
    let looked = looking.get(name)
    if (looked === undefined) {
      looked = lookUp(userId, groupId, name).finally(() => looking.delete(name))
      looking.set(name, looked)
    }
    return looked.then(({ id }) => id)
  }

  async function lookUp(userId: number, groupId: number, name: string): Promise<Known> {
    known.delete(name)
    const found = await within(
      LEASE_TIMEOUT_MS,
      activeSubscription(sql, { userId, groupId, at: new Date(now()) }),
    ).catch((cause: unknown) => {
      throw new GatewayError('balance_unavailable', { cause })
    })
    if (found === null) throw new GatewayError('subscription_expired')
    const [oldest] = known.keys()
    if (known.size >= MAX_REMEMBERED && oldest !== undefined) known.delete(oldest)
    const fresh = { id: found.id, expiresAtMs: found.expiresAt.getTime() }
    known.set(name, fresh)
    return fresh
  }

  return { find, forget: () => known.clear() }
}
