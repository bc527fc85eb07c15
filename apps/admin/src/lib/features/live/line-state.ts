import type { ConnectionState } from '@turnpike/client'

/** What the page says of its live data. */
export type LineState = 'connecting' | 'live' | 'reconnecting' | 'stale'

/** Ticks come every second; a few may be late, but not this late. */
export const STALE_AFTER_MS = 5_000

/** `ageMs` = since the last tick came in; null = none has come yet. */
export function lineState(connection: ConnectionState, ageMs: number | null): LineState {
  if (connection === 'reconnecting' || connection === 'signed_out') return 'reconnecting'
  if (ageMs === null) return 'connecting'
  return ageMs >= STALE_AFTER_MS ? 'stale' : 'live'
}
