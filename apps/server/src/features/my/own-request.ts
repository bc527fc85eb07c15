import { GATEWAY_ERRORS } from '@turnpike/core/gateway/errors'
import type { AttemptRecord, RequestTimes } from '@turnpike/core/gateway/outcome'
import type { BillingMode, Endpoint, OutcomeKind } from '@turnpike/core/words'

/** A request as its user sees it: what it was, took and cost, and nothing of what is behind the gateway. */
export interface OwnRequest {
  requestId: string
  clientRequestId: string | null
  createdAt: string
  endpoint: Endpoint
  stream: boolean
  status: number
  outcome: OutcomeKind
  keyId: number
  groupId: number
  billing: BillingMode | null
  subscriptionId: number | null
  serviceTier: string | null
  model: string
  inputTokens: number
  cachedInputTokens: number
  cacheWriteTokens: number
  outputTokens: number
  reasoningTokens: number
  cost: string | null
  costNano: string | null
  billed: string
  billedNano: string
  rateMultiplier: string
  estimated: boolean
  attempts: OwnAttempt[]
  times: RequestTimes
  clientIp: string
  userAgent: string | null
}

export type OwnAttempt = Pick<
  AttemptRecord,
  'startedAtMs' | 'durationMs' | 'connectMs' | 'firstByteMs' | 'status' | 'reason'
>

/** The same with what went wrong; null = nothing did. */
export interface OwnRequestDetail extends OwnRequest {
  error: OwnError | null
}

/** A code of the gateway's table or of the upstream's, with the table's own text: never what an upstream wrote. */
export interface OwnError {
  code: string
  message: string
}

/** A request that failed, or was turned away. */
export interface OwnFailure extends OwnError {
  requestId: string
  createdAt: string
  /** The path that was asked for. */
  endpoint: string
  keyId: number
  /** Null where it named none. */
  model: string | null
  status: number
  /** Of so many alike it is the first; they were turned away in one minute. */
  count: number
}

/** Takes over what is listed here, whatever else the record holds. */
export function toOwnRequest(record: OwnRequest): OwnRequest {
  return {
    requestId: record.requestId,
    clientRequestId: record.clientRequestId,
    createdAt: record.createdAt,
    endpoint: record.endpoint,
    stream: record.stream,
    status: record.status,
    outcome: record.outcome,
    keyId: record.keyId,
    groupId: record.groupId,
    billing: record.billing,
    subscriptionId: record.subscriptionId,
    serviceTier: record.serviceTier,
    model: record.model,
    inputTokens: record.inputTokens,
    cachedInputTokens: record.cachedInputTokens,
    cacheWriteTokens: record.cacheWriteTokens,
    outputTokens: record.outputTokens,
    reasoningTokens: record.reasoningTokens,
    cost: record.cost,
    costNano: record.costNano,
    billed: record.billed,
    billedNano: record.billedNano,
    rateMultiplier: record.rateMultiplier,
    estimated: record.estimated,
    attempts: record.attempts.map(toOwnAttempt),
    times: record.times,
    clientIp: record.clientIp,
    userAgent: record.userAgent,
  }
}

export function toOwnRequestDetail(record: OwnRequest & { errorCode: string | null }): OwnRequestDetail {
  return { ...toOwnRequest(record), error: record.errorCode === null ? null : toOwnError(record.errorCode) }
}

export function toOwnError(code: string): OwnError {
  const known = Object.entries(GATEWAY_ERRORS).find(([name]) => name === code)
  return { code, message: known?.[1].message ?? GATEWAY_ERRORS.upstream_failed.message }
}

function toOwnAttempt({ startedAtMs, durationMs, connectMs, firstByteMs, status, reason }: OwnAttempt): OwnAttempt {
  return { startedAtMs, durationMs, connectMs, firstByteMs, status, reason }
}
