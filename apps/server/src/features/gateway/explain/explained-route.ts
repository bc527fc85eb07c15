import type { RouteStep } from '@turnpike/core/gateway/dry-run'
import type { GatewayErrorCode } from '@turnpike/core/gateway/errors'
import type { DecisionRecord } from '@turnpike/core/gateway/outcome'
import type { RatesLeft } from '@turnpike/core/gateway/ports'
import type {
  BillingMode,
  Endpoint,
  KeyStatus,
  OnBusy,
  Protocol,
  Provider,
  Stickiness,
  UserStatus,
} from '@turnpike/core/words'

/** What a caller would be told. */
export interface ExplainedRefusal {
  code: GatewayErrorCode
  status: number
  message: string
  /** The member of the request that is at fault. */
  param: string | null
  retryAfterMs: number | null
}

/** What would become of the request now. `account` is the one that would be asked, after the wait where there is one. */
export type RouteVerdict =
  | { kind: 'served'; accountId: number }
  | { kind: 'waits'; for: 'user_slot' | 'key_slot' | 'account'; accountId: number }
  | { kind: 'refused'; step: 'key' | RouteStep; refusal: ExplainedRefusal }

/** The way a request would go now, step by step; of each step also what it would refuse with. Nothing was done to find out. */
export interface ExplainedRoute {
  at: string
  endpoint: Endpoint
  model: string
  verdict: RouteVerdict
  key: ExplainedKey
  /** Null = the group cannot be used, so there is no way to tell of. */
  steps: ExplainedSteps | null
}

export interface ExplainedKey {
  /** Null = a key of the user in the group that has no limits of its own. */
  keyId: number | null
  userId: number
  groupId: number
  status: KeyStatus
  userStatus: UserStatus
  expiresAt: string | null
  /** Whether it may be used from some addresses only; `isAddressChecked`: an address was given to check. */
  isAddressLimited: boolean
  isAddressChecked: boolean
  refusal: ExplainedRefusal | null
}

export interface ExplainedSteps {
  policy: {
    /** Models that key and group may use; empty = all that the accounts serve. */
    keyModels: readonly string[]
    groupModels: readonly string[]
    refusal: ExplainedRefusal | null
  }
  limits: {
    /** What counts at admission; the end corrects it. */
    estimatedTokens: number
    /** What is left of the tightest rates; null = none is set. */
    rates: RatesLeft | null
    /** Limits of 0 are none. */
    user: { inFlight: number; waiting: number; limit: number }
    key: { inFlight: number; limit: number }
    onBusy: OnBusy
    /** It would queue for a slot; with this it is refused when none comes free in time. */
    waitsFor: ExplainedRefusal | null
    refusal: ExplainedRefusal | null
  }
  money: {
    billing: BillingMode
    hasSpendingLimit: boolean
    /** What would be set aside; null = nothing is, or there is no price. */
    estimate: string | null
    estimateNano: string | null
    subscriptionId: number | null
    refusal: ExplainedRefusal | null
  }
  account: {
    stickiness: Stickiness
    /** Null = it names no session. */
    session: { boundTo: number | null; servedBy: number | null } | null
    /** The account that made the response it goes on from. */
    madeBy: number | null
    rule: DecisionRecord['rule']
    chosen: number | null
    /** Queues it would stand in, one after the other. */
    queues: { accountId: number; upToMs: number; ahead: number }[]
    /** What becomes of it when none of them moves in time; null = it would not queue. */
    inVain: { accountId: number | null; refusal: ExplainedRefusal | null } | null
    refusal: ExplainedRefusal | null
  }
  candidates: ExplainedCandidate[]
  /** Null = no account would be asked. */
  price: ExplainedPrice | null
}

export interface ExplainedCandidate {
  accountId: number
  provider: Provider
  protocol: Protocol
  upstreamModel: string
  priority: number
  weight: number
  inFlight: number
  waiting: number
  /** 0 = no limit. */
  concurrency: number
  /** Moving average of the time to first token; null = none was seen. */
  ttftMs: number | null
  /** Why it was passed over; null = it would be asked. */
  reason: string | null
  /** When it comes back by itself; null = it is not away, or does not. */
  returnsAt: string | null
}

/** Of the estimate: its tokens at the price of the model that would be asked. */
export interface ExplainedPrice {
  upstreamModel: string
  inputTokens: number
  outputTokens: number
  /** Null = the model has no price. */
  cost: string | null
  costNano: string | null
  billed: string | null
  billedNano: string | null
  rateMultiplier: string
}
