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
  /** What the caller speaks; null = it is passed through and nothing is translated. */
  protocol: WireProtocol | null
  body: RequestBody
  /** The body as it came: forwarded untouched where nothing has to change. */
  bytes: Uint8Array
  /** A body that is a multipart form; null = it is JSON. */
  form: Form | null
  /** Headers of the caller that the allow-list lets through. */
  headers: Readonly<Record<string, string>>
  /** What the caller names his session; null = none. */
  session: string | null
  caller: Caller
  clientIp: string
  userAgent: string | null
  /** The `traceparent` header as it came: for our own traces, never sent upstream. Null = none. */
  traceParent: string | null
  /** Aborts when the caller leaves. */
  client: AbortSignal
}

export interface Form {
  /** With the boundary between its parts. */
  contentType: string
  /** What it weighs at admission, in bytes of text: a second of audio has few tokens and many bytes. */
  inputBytes: number
  /** Its bytes with another model in the place of the caller's. */
  withModel(model: string): Uint8Array
}

/** What a request weighs at admission to rates and money. */
export function inputBytesOf({ bytes, form }: Pick<Call, 'bytes' | 'form'>): number {
  return form?.inputBytes ?? bytes.byteLength
}

export interface Caller {
  userId: number
  userConcurrency: number
  keyId: number
  keyConcurrency: number
  keyRates: RateLimits
  /** Whether the key may spend only so much. */
  hasSpendingLimit: boolean
  /** Models the key may use; empty = those of its group. */
  models: readonly string[]
  group: GroupPolicy
}
