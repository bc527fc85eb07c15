import type { BillingMode, Endpoint, OutcomeKind, WireProtocol } from '../words.ts'

/** Tokens of one answer. `cachedInputTokens` and `cacheWriteTokens` are parts of `inputTokens`, `reasoningTokens` of `outputTokens`. */
export interface TokenUsage {
  inputTokens: number
  cachedInputTokens: number
  cacheWriteTokens: number
  outputTokens: number
  reasoningTokens: number
}

/** Times of one request in milliseconds, kept apart; null = that moment was never reached. */
export interface RequestTimes {
  queueMs: number
  routeMs: number
  upstreamConnectMs: number | null
  upstreamFirstByteMs: number | null
  ttftMs: number | null
  totalMs: number
  gatewayMs: number | null
}

/** One try of one request against one account. `reason` is null where the attempt answered. */
export interface AttemptRecord {
  accountId: number
  /** Wall clock, ms since the epoch. */
  startedAtMs: number
  durationMs: number
  connectMs: number | null
  firstByteMs: number | null
  /** Upstream's HTTP status; null where none arrived. */
  status: number | null
  /** Our code for what went wrong, e.g. `upstream_rate_limit`; null = it answered. */
  reason: string | null
  upstreamRequestId: string | null
}

/** Why this account: at most five candidates, each with the reason it was passed over (null = chosen). */
export interface DecisionRecord {
  /** `response`: the account that made the response it goes on from; `affinity`: one that can read what the session's account wrote. */
  rule: 'response' | 'session' | 'affinity' | 'load' | 'only' | 'none'
  chosen: number | null
  candidates: { accountId: number; reason: string | null }[]
  /** How many candidates there were beyond those listed. */
  omitted: number
  retryBudgetUsed?: boolean
}

/** The one wide record every request ends as: ledger row, metrics and error log are all made from it. Plain JSON. */
export interface Outcome {
  /** UUIDv7; its time is `createdAtMs`. */
  requestId: string
  clientRequestId: string | null
  createdAtMs: number
  /** When it was over, ms since the epoch: the ten seconds it is counted in. */
  endedAtMs: number
  endpoint: Endpoint
  /** Protocol spoken to the upstream; null where no attempt was made. */
  protocol: WireProtocol | null
  stream: boolean
  /** The logical HTTP status: what the client got, or would have got had the stream not begun; 499 = client left. */
  status: number
  outcome: OutcomeKind
  /** Code of the error table; null where the answer was whole. */
  errorCode: string | null
  userId: number
  keyId: number
  groupId: number
  accountId: number | null
  /** What `billedNano` is charged to. */
  billing: BillingMode
  subscriptionId: number | null
  /** Credit that was leased for it, by lease: what is billed comes out of it as far as it goes. */
  leases: readonly string[]
  /** Service tier the upstream said it served; null = it said none. */
  serviceTier: string | null
  model: string
  upstreamModel: string | null
  upstreamResponseId: string | null
  usage: TokenUsage
  /** True where tokens were counted by us because the upstream gave none, or none that made sense. */
  estimated: boolean
  usageInvalid: boolean
  /** Nano-dollars; null = the model has no price. */
  costNano: number | null
  billedNano: number
  /** Group multiplier × 10,000. */
  multiplierE4: number
  /** Which row of the endings table priced this: `usage`, `delivered`, `nothing`. */
  priceRule: string
  attempts: AttemptRecord[]
  decision: DecisionRecord
  times: RequestTimes
  clientIp: string
  userAgent: string | null
}

/** What the error log keeps of a failed request and the ledger does not. */
export interface Diagnostics {
  /** A start record was written, so an end record follows; false where it reached no upstream. */
  isInLedger: boolean
  /** Bodies of upstream errors, each with the index of its attempt; one character per byte. */
  upstreamErrors: readonly { attempt: number; body: string }[]
  /** What was thrown where the fault is ours; undefined = nothing. */
  fault: unknown
  /** The caller's `traceparent` header as it came; absent = none. */
  traceParent?: string
}

export const NO_USAGE: TokenUsage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
}
