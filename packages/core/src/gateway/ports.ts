import type { BillingMode, OnBusy, OnDisconnect, Protocol, Provider, Stickiness } from '../words.ts'
import type { AccountEvent, AccountHealth } from './account-state.ts'
import type { AttemptRecord, DecisionRecord, Diagnostics, Outcome } from './outcome.ts'
import type { Headers } from './retry-after.ts'

/** Time as the gateway sees it: `now` is wall clock (ms since the epoch), `monotonic` measures, `after` calls back once. */
export interface Clock {
  now(): number
  monotonic(): number
  after(ms: number, call: () => void): Cancel
}
export type Cancel = () => void

/** What the request path needs to know of a group. */
export interface GroupPolicy {
  id: number
  billing: BillingMode
  multiplierE4: number
  /** Models the group may use; empty = all its accounts serve. */
  models: readonly string[]
  onBusy: OnBusy
  onDisconnect: OnDisconnect
  stickiness: Stickiness
  timeouts: Timeouts
  maxAccountSwitches: number
  rates: RateLimits
  /** Output assumed of a request that states no maximum, in tokens. */
  assumedOutputTokens: number
  /** How long a session waits for its own account while another one is free. */
  stickyWaitMs: number
}

/** Per sliding minute; null = no limit. */
export interface RateLimits {
  requestsPerMinute: number | null
  tokensPerMinute: number | null
}

export interface Timeouts {
  connectMs: number
  firstByteMs: number
  idleMs: number
  totalMs: number
}

/** What changes with every request; shared by all candidates of the account and by its queue. */
export interface AccountLive {
  inFlight: number
  waiting: number
  /** Moving average of the time to first token; null until one was seen. */
  ttftMs: number | null
  health: AccountHealth
}

/** An account as one group and model see it. */
export interface Candidate {
  accountId: number
  provider: Provider
  protocol: Protocol
  upstreamModel: string
  /** account_groups.priority ?? accounts.priority; smaller first. */
  priority: number
  weight: number
  /** 0 = no limit. */
  concurrency: number
  /** Why configuration keeps it out: `disabled`, `error`, `unschedulable`; null = nothing does. */
  blocked: string | null
  /** Ms since the epoch; Infinity = never. */
  expiresAtMs: number
  affinityDomain: string | null
  live: AccountLive
}

/** The right to have one request in flight; release is idempotent. */
export interface Lease {
  release(): void
}

export interface AdmitRequest {
  requestId: string
  userId: number
  userConcurrency: number
  keyId: number
  keyConcurrency: number
  keyRates: RateLimits
  groupId: number
  /** Of the whole group, all its keys together. */
  groupRates: RateLimits
  /** Counted at once; `settleTokens` corrects it. */
  estimatedTokens: number
  onBusy: OnBusy
  client: AbortSignal
}

/** A user and a key slot, and a place in the rates. */
export interface Admission extends Lease {
  /** What is left of the tightest rates with this request counted; null = none is set. */
  rates: RatesLeft | null
  /** It waited for its slot. Else the time it took to be admitted was ours. */
  readonly hasQueued: boolean
  /** The tokens it really took, in place of the estimate. Counts once, before or after the release. */
  settleTokens(tokens: number): void
  /** It was refused after all, or its caller left, before an upstream was asked: then it is not counted. */
  withdraw(): void
}

/** Whose rates: those of a key, and those of its group. */
export type RatedCaller = Pick<AdmitRequest, 'keyId' | 'keyRates' | 'groupId' | 'groupRates'>

export interface RatesLeft {
  requests: RateLeft | null
  tokens: RateLeft | null
}

export interface RateLeft {
  limit: number
  remaining: number
  /** Until all of the limit is free again. */
  resetMs: number
}

/** Slots and queues (gateway.md steps 4, 5, 8). Refusals are GatewayErrors; a caller who leaves rejects with ClientLeft. */
export interface Slots {
  /**
   * Counts the request in its rates (requests_per_minute, tokens_per_minute: key, then group; who is refused is not counted),
   * then waits in the user's room for a user and a key slot (queue_full, user_concurrency_limit, key_concurrency_limit).
   */
  admit(request: AdmitRequest): Admission | Promise<Admission>
  /** What is left of the tightest rates, as far as this instance knows, for answers that count nothing; null = none is set. */
  ratesLeft(caller: RatedCaller): RatesLeft | null
  /** A free slot of the account, or null. */
  takeAccount(candidate: Candidate, requestId: string): Lease | null | Promise<Lease | null>
  /** Waits in the account's queue; null when its queue is full or nothing came free in time. */
  waitForAccount(candidate: Candidate, wait: AccountWait): Promise<Lease | null>
}

export interface AccountWait {
  requestId: string
  waitMs: number
  client: AbortSignal
}

export interface AccountBook {
  /** Accounts of the group that serve the model, by priority. */
  candidates(groupId: number, model: string): readonly Candidate[]
  /** What an attempt taught. */
  report(candidate: Candidate, event: AccountEvent): void
  /** A probe of an account whose breaker was open goes out: no second one until it reports. */
  probe(candidate: Candidate): void
  /** Time from the attempt's start to its first visible output. */
  observeTtft(candidate: Candidate, ttftMs: number): void
  /** Asks other instances for the session's account, so that `boundAccount` can tell; null = there is nothing to wait for. Never rejects. */
  foreseeSession(sessionKey: string): Promise<void> | null
  /** The account a session is bound to, renewed by looking. */
  boundAccount(sessionKey: string): number | null
  /** The account that served a session last, also where it lost the session since. */
  servingAccount(sessionKey: string): number | null
  bind(sessionKey: string, accountId: number): void
}

/** Who made which response (gateway.md step 7): a response can be continued only where it was made, by whom it was made for. */
export interface ResponseBook {
  /** The account that made the user's response; null = nobody knows it, or it is another user's. Throws ledger_unavailable. */
  find(userId: number, responseId: string): MadeResponse | null | Promise<MadeResponse | null>
  /** Told before the caller learns the id. */
  remember(userId: number, responseId: string, made: MadeResponse): void
}

export interface MadeResponse {
  accountId: number
  /** The model as the caller named it. */
  model: string
}

/** Money on the request path (gateway.md step 6): an estimate is reserved before an account is chosen, the end settles it. */
export interface Money {
  /**
   * Null where nothing has to be reserved: the group bills nothing and the key has no spending limit.
   * Refuses with the billing codes of the error table, balance_unavailable.
   */
  reserve(request: ReserveRequest): Reservation | null | Promise<Reservation | null>
}

export interface ReserveRequest {
  requestId: string
  userId: number
  keyId: number
  /** Whether the key may spend only so much: all in all, a day or a month. */
  hasSpendingLimit: boolean
  group: GroupPolicy
  /** Accounts that could serve it: each names the model it would be priced by. */
  candidates: readonly Candidate[]
  inputBytes: number
  /** As the caller states it; null = he states none. */
  maxOutputTokens: number | null
  /** When the request started: prices are dated. */
  atMs: number
}

export interface Reservation {
  /** The subscription that pays; null = a balance does, or nobody. */
  subscriptionId: number | null
  /** Ids of the leases its estimate is taken from. */
  leases: readonly string[]
  /** Gives the estimate back and books what was billed. Counts once. */
  settle(billedNano: number): void
}

export interface UpstreamRequest {
  candidate: Candidate
  /** Default: POST. */
  method?: 'GET' | 'POST' | 'DELETE'
  path: string
  headers: Readonly<Record<string, string>>
  /** Default: application/json. */
  contentType?: string
  /** As it goes out; null = there is none. */
  body: string | Uint8Array | null
  connectMs: number
}

/** What an upstream call reports, in this order; after onEnd or onError nothing more comes. Data is one character per byte. */
export interface UpstreamListener {
  /** The connection stands and the request is being written. */
  onSent(): void
  onHeaders(status: number, headers: Headers): void
  onData(bytes: string): void
  onEnd(): void
  /** `unreachable`: no connection could be made. `lost`: it broke. `too_large`: a bounded thing (headers) overflowed. */
  onError(kind: 'unreachable' | 'lost' | 'too_large'): void
}

export interface UpstreamCall {
  pause(): void
  resume(): void
  /** Ends the call; the listener hears no more. */
  abort(): void
}

export interface Upstream {
  open(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall
}

/** Written before the first attempt, so that a killed process leaves a trace of what reached an upstream. */
export interface StartRecord {
  requestId: string
  createdAtMs: number
  endpoint: Outcome['endpoint']
  stream: boolean
  userId: number
  keyId: number
  groupId: number
  accountId: number
  model: string
  billing: BillingMode
  multiplierE4: number
  clientIp: string
}

export interface Journal {
  /** Resolves when the record is written. Throws ledger_unavailable when neither journal nor database takes it. */
  start(record: StartRecord): Promise<void>
  /** Resolves when the outcome is written. Never rejects. */
  end(outcome: Outcome): Promise<void>
}

export interface RelayPorts {
  clock: Clock
  random: () => number
  slots: Slots
  money: Money
  accounts: AccountBook
  responses: ResponseBook
  upstream: Upstream
  journal: Journal
  /** Nano-dollars of a usage; null = the model has no price. */
  price(request: PriceRequest): { costNano: number; billedNano: number } | null
  countTokens(text: string): Promise<number>
  /** Hears of every ended request, refusals included. */
  onOutcome(outcome: Outcome, diagnostics: Diagnostics): void
  /** Extra attempts in flight are bounded per group. */
  retryBudget: RetryBudget
  /** Turns one-character-per-byte text into the text it encodes. */
  decodeUtf8(bytes: string): string
  encodeUtf8(text: string): string
  /** A fresh unique id for what the gateway itself names in a translated answer. */
  newId(): string
}

export interface PriceRequest {
  usage: Outcome['usage']
  model: string
  provider: Provider
  /** As the upstream said it served; null = it said none. */
  serviceTier: string | null
  multiplierE4: number
  atMs: number
}

export interface RetryBudget {
  enter(groupId: number): Cancel
  /** A place for one extra attempt, or null when the budget is used up. */
  takeExtra(groupId: number): Cancel | null
}

export type { AttemptRecord, DecisionRecord }
