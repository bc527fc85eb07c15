import type { AttemptRecord, DecisionRecord, RequestTimes } from '@turnpike/core/gateway/outcome'
import { formatDollars } from '@turnpike/core/money'
import type { BillingMode, Endpoint, OutcomeKind, WireProtocol } from '@turnpike/core/words'

/** One request in the ledger, as the API shows it. */
export interface UsageRecord {
  requestId: string
  clientRequestId: string | null
  createdAt: string
  endpoint: Endpoint
  protocol: WireProtocol | null
  stream: boolean
  status: number
  outcome: OutcomeKind
  /** Code of the error table, or of the upstream's refusal that was passed on; null where it failed by none. */
  errorCode: string | null
  userId: number
  keyId: number
  groupId: number
  accountId: number | null
  /** What `billed` was charged to; null in rows of older versions, which charged nothing. */
  billing: BillingMode | null
  subscriptionId: number | null
  /** Service tier the upstream said it served; null = it said none. */
  serviceTier: string | null
  model: string
  upstreamModel: string | null
  inputTokens: number
  cachedInputTokens: number
  cacheWriteTokens: number
  outputTokens: number
  reasoningTokens: number
  /** Null = the model has no price. */
  cost: string | null
  costNano: string | null
  billed: string
  billedNano: string
  rateMultiplier: string
  estimated: boolean
  attempts: AttemptRecord[]
  times: RequestTimes
  clientIp: string
  userAgent: string | null
}

/** The same with why: the choice of the account, and what priced it. */
export interface UsageDetail extends UsageRecord {
  decision: DecisionRecord
  upstreamResponseId: string | null
  priceRule: string
  usageInvalid: boolean
}

/** A ledger row as the raw client reads it: 64-bit integers are strings. */
export interface UsageRow extends RequestTimes {
  requestId: string
  clientRequestId: string | null
  createdAt: Date
  endpoint: Endpoint
  protocol: WireProtocol | null
  stream: boolean
  status: number
  outcome: OutcomeKind
  errorCode: string | null
  userId: string
  keyId: string
  groupId: string
  accountId: string | null
  billing: BillingMode | null
  subscriptionId: string | null
  serviceTier: string | null
  model: string
  upstreamModel: string | null
  upstreamResponseId: string | null
  inputTokens: string
  cachedInputTokens: string
  cacheWriteTokens: string
  outputTokens: string
  reasoningTokens: string
  costNano: string | null
  billedNano: string
  rateMultiplierE4: number
  priceRule: string
  estimated: boolean
  usageInvalid: boolean
  attempts: AttemptRecord[]
  decision: DecisionRecord
  clientIp: string
  userAgent: string | null
}

export function toUsageRecord(row: UsageRow): UsageRecord {
  return {
    requestId: row.requestId,
    clientRequestId: row.clientRequestId,
    createdAt: row.createdAt.toISOString(),
    endpoint: row.endpoint,
    protocol: row.protocol,
    stream: row.stream,
    status: row.status,
    outcome: row.outcome,
    errorCode: row.errorCode,
    userId: Number(row.userId),
    keyId: Number(row.keyId),
    groupId: Number(row.groupId),
    accountId: row.accountId === null ? null : Number(row.accountId),
    billing: row.billing,
    subscriptionId: row.subscriptionId === null ? null : Number(row.subscriptionId),
    serviceTier: row.serviceTier,
    model: row.model,
    upstreamModel: row.upstreamModel,
    inputTokens: Number(row.inputTokens),
    cachedInputTokens: Number(row.cachedInputTokens),
    cacheWriteTokens: Number(row.cacheWriteTokens),
    outputTokens: Number(row.outputTokens),
    reasoningTokens: Number(row.reasoningTokens),
    cost: row.costNano === null ? null : formatDollars(BigInt(row.costNano)),
    costNano: row.costNano,
    billed: formatDollars(BigInt(row.billedNano)),
    billedNano: row.billedNano,
    rateMultiplier: String(row.rateMultiplierE4 / 10_000),
    estimated: row.estimated,
    attempts: row.attempts,
    times: {
      queueMs: row.queueMs,
      routeMs: row.routeMs,
      upstreamConnectMs: row.upstreamConnectMs,
      upstreamFirstByteMs: row.upstreamFirstByteMs,
      ttftMs: row.ttftMs,
      totalMs: row.totalMs,
      gatewayMs: row.gatewayMs,
    },
    clientIp: row.clientIp,
    userAgent: row.userAgent,
  }
}

export function toUsageDetail(row: UsageRow): UsageDetail {
  const { decision, upstreamResponseId, priceRule, usageInvalid } = row
  return { ...toUsageRecord(row), decision, upstreamResponseId, priceRule, usageInvalid }
}
