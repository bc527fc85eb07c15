import type { Shape } from '../bodies.ts'
import type { KeySet } from '../keys.ts'

/** Where requests go. */
export interface Target {
  port: number
  key: string
  /** In place of `key`: one after the other. */
  keys?: KeySet
}

/** What the load process is asked to do. */
export type Work = { target: Target; shape: Shape } & (
  | { kind: 'closed'; connections: number; durationMs: number }
  | { kind: 'open'; perSecond: number; durationMs: number }
  /** Opens so many streams and keeps them; resolves when each has begun. */
  | { kind: 'hold'; connections: number }
  | { kind: 'let_go' }
)

export interface LoadResult {
  done: number
  failed: number
  durationMs: number
  /** From the request's last byte to the answer's last, and to its first token or, where it is whole at once, its body. */
  total: Spread
  first: Spread
}

export interface Spread {
  p50Ms: number
  p99Ms: number
}
