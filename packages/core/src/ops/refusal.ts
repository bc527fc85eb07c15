import type { GatewayErrorCode } from '../gateway/errors.ts'
import type { Endpoint } from '../words.ts'

/** A request that was turned away before it became one with an outcome: what was known of it by then, the rest null. */
export interface Refusal {
  requestId: string
  clientRequestId: string | null
  /** Ms since the epoch. */
  createdAtMs: number
  endedAtMs: number
  code: GatewayErrorCode
  /** Null where it asked for none that answers by a model. */
  endpoint: Endpoint | null
  /** Without its query. */
  path: string
  stream: boolean | null
  model: string | null
  userId: number | null
  keyId: number | null
  groupId: number | null
  clientIp: string
  userAgent: string | null
  totalMs: number
  /** The caller's `traceparent` header as it came; absent = none. */
  traceParent?: string
  /** What stood behind an `internal_error`; undefined = nothing. */
  cause?: unknown
}
