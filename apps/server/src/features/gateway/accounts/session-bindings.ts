import { LRUCache } from 'lru-cache'

export const SESSION_TTL_MS = 3_600_000
/** Sessions remembered at once; the least recently used ones are forgotten and find an account anew. */
const MAX_SESSIONS = 100_000

/** Which account a session is bound to; kept for an hour from its last use. */
export function createSessionBindings() {
  const bindings = new LRUCache<string, number>({ max: MAX_SESSIONS, ttl: SESSION_TTL_MS, updateAgeOnGet: true })
  return {
    bound: (sessionKey: string): number | null => bindings.get(sessionKey) ?? null,
    bind: (sessionKey: string, accountId: number): void => void bindings.set(sessionKey, accountId),
  }
}
