import type { Endpoint, WireProtocol } from '../words.ts'
import type { GroupPolicy, RateLimits } from './ports.ts'
import type { RequestBody } from './request-body.ts'

/** One checked request of one authenticated caller, as it enters the relay. */
export interface Call {
  requestId: string
  clientRequestId: string | null
  /** The time inside the request id, ms since the epoch. */
  createdAtMs: number
  /** Monotonic: the request line was read / its body was read. */
  startedAt: number
  bodyReadAt: number
  endpoint: Endpoint
  protocol: WireProtocol
  body: RequestBody
  /** The body as it came: forwarded untouched where nothing has to change. */
  bytes: Uint8Array
  /** Headers of the caller that the allow-list lets through. */
  headers: Readonly<Record<string, string>>
  /** What the caller names his session; null = none. */
  session: string | null
  caller: Caller
  clientIp: string
  userAgent: string | null
  /** Aborts when the caller leaves. */
  client: AbortSignal
}

export interface Caller {
  userId: number
  userConcurrency: number
  keyId: number
  keyConcurrency: number
  keyRates: RateLimits
  /** Models the key may use; empty = those of its group. */
  models: readonly string[]
  group: GroupPolicy
}
