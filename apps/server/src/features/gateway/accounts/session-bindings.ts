import { LRUCache } from 'lru-cache'

export const SESSION_TTL_MS = 3_600_000
/** Sessions remembered at once; the least recently used ones are forgotten and find an account anew. */
const MAX_SESSIONS = 100_000

export interface Binding {
  accountId: number
  boundAtMs: number
}

/** Which account a session is bound to; kept for an hour from its last use. */
export interface SessionBindings {
  /** Renewed by looking. */
  bound(sessionKey: string): Binding | null
  bind(sessionKey: string, binding: Binding): void
  /** What `bound` would tell once `foresee` has asked, with nothing renewed or remembered. */
  look(sessionKey: string): Promise<Binding | null>
  /** Asks for what other instances know, so that `bound` can tell; null = there is nobody to ask. Never rejects. */
  foresee(sessionKey: string): Promise<void> | null
}

/** Bindings of a single instance. */
export function createSessionBindings(): SessionBindings {
  const bindings = new LRUCache<string, Binding>({ max: MAX_SESSIONS, ttl: SESSION_TTL_MS, updateAgeOnGet: true })
  return {
    bound: (sessionKey) => bindings.get(sessionKey) ?? null,
    bind: (sessionKey, binding) => void bindings.set(sessionKey, binding),
    look: async (sessionKey) => bindings.peek(sessionKey) ?? null,
    foresee: () => null,
  }
}
