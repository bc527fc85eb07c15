/** What a page may say about its live line. */
export type ConnectionState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'signed_out'

/** The WebSocket behind subscriptions: opened by the first one, reopened by itself. */
export interface Connection {
  readonly state: ConnectionState
  /** Calls back with the present state, then with every change; returns how to stop it. */
  subscribe(listener: (state: ConnectionState) => void): () => void
  /** Ends the line and every subscription on it. */
  close(): Promise<void>
}

/** A state that tells its listeners when it changes. */
export function createConnectionState() {
  let state: ConnectionState = 'idle'
  const listeners = new Set<(state: ConnectionState) => void>()

  return {
    get: () => state,
    set(next: ConnectionState): void {
      if (next === state) return
      state = next
      for (const listener of [...listeners]) listener(state)
    },
    subscribe(listener: (state: ConnectionState) => void): () => void {
      listeners.add(listener)
      listener(state)
      return () => void listeners.delete(listener)
    },
  }
}
