import { hash } from 'node:crypto'
import type { RedisClient } from '../../../shared/redis.ts'
import { type Binding, createSessionBindings, SESSION_TTL_MS, type SessionBindings } from './session-bindings.ts'

interface SharedSessionBindingsOptions {
  redis: Pick<RedisClient, 'commands'>
  /** In front of every key: installations may share a Redis. */
  namespace: string
}

/**
 * Bindings of several instances: Redis has them, and each instance remembers what it saw. One command while a request is
 * admitted reads and renews, one that nobody waits for writes what changed. With Redis away each goes by what it remembers;
 * whatever nobody remembers, all of them draw alike (rendezvous).
 */
export function createSharedSessionBindings({ redis, namespace }: SharedSessionBindingsOptions): SessionBindings {
  const remembered = createSessionBindings()
  /** What Redis is known to say, by the object that is remembered. */
  const stored = new WeakSet<Binding>()
  const keyOf = (sessionKey: string) => `${namespace}:session:${hash('sha256', sessionKey, 'base64url')}`

  async function foresee(sessionKey: string): Promise<void> {
    const known = remembered.bound(sessionKey)
    try {
      const found = parseBinding(await redis.commands.getex(keyOf(sessionKey), 'PX', SESSION_TTL_MS))
      // It may have been bound anew here while the question was on its way.
      if (remembered.bound(sessionKey) !== known) return
      if (found === null) {
        if (known !== null) stored.delete(known)
      } else if (known === null || !isSame(known, found)) {
        stored.add(found)
        remembered.bind(sessionKey, found)
      }
    } catch {
      // What is remembered has to do; the slots tell of the loss.
    }
  }

  async function look(sessionKey: string): Promise<Binding | null> {
    const known = await remembered.look(sessionKey)
    try {
      return parseBinding(await redis.commands.get(keyOf(sessionKey))) ?? known
    } catch {
      return known
    }
  }

  return {
    bound: remembered.bound,
    look,
    foresee,
    bind(sessionKey, binding) {
      const known = remembered.bound(sessionKey)
      if (known !== null && isSame(known, binding) && stored.has(known)) return
      remembered.bind(sessionKey, binding)
      stored.add(binding)
      redis.commands
        .set(keyOf(sessionKey), `${binding.accountId} ${binding.boundAtMs}`, 'PX', SESSION_TTL_MS)
        .catch(() => stored.delete(binding))
    },
  }
}

function isSame(a: Binding, b: Binding): boolean {
  return a.accountId === b.accountId && a.boundAtMs === b.boundAtMs
}

function parseBinding(text: string | null): Binding | null {
  const [, accountId, boundAtMs] = /^(\d{1,15}) (\d{1,15})$/.exec(text ?? '') ?? []
  return accountId === undefined ? null : { accountId: Number(accountId), boundAtMs: Number(boundAtMs) }
}
