import { GATEWAY_ERRORS } from '@turnpike/core/gateway/errors'
import type { AttemptRecord, Diagnostics, Outcome } from '@turnpike/core/gateway/outcome'
import { attemptFailure, type EndedRequest, endedOutcome, endedRefusal } from '@turnpike/core/ops/ended-request'
import type { Refusal } from '@turnpike/core/ops/refusal'

/** What is told of a request that ended: ids, counts and times, never a prompt, an answer, a header or a name of ours. */
export interface ToldRequest {
  requestId: string
  /** Ms since the epoch. */
  createdAtMs: number
  totalMs: number
  ended: EndedRequest
  stream: boolean | null
  upstreamModel: string | null
  upstreamResponseId: string | null
  serviceTier: string | null
  cacheWriteTokens: number
  reasoningTokens: number
  attempts: readonly AttemptRecord[]
  /** The caller's `traceparent` as it came; null = none. */
  traceParent: string | null
}

export function toldOutcome(outcome: Outcome, { traceParent }: Pick<Diagnostics, 'traceParent'>): ToldRequest {
  const { requestId, createdAtMs, stream, upstreamModel, upstreamResponseId, serviceTier, attempts } = outcome
  return {
    requestId,
    createdAtMs,
    totalMs: outcome.times.totalMs,
    ended: endedOutcome(outcome),
    stream,
    upstreamModel,
    upstreamResponseId,
    serviceTier,
    cacheWriteTokens: outcome.usage.cacheWriteTokens,
    reasoningTokens: outcome.usage.reasoningTokens,
    attempts,
    traceParent: traceParent ?? null,
  }
}

export function toldRefusal(refusal: Refusal): ToldRequest {
  const { requestId, createdAtMs, totalMs, stream, traceParent } = refusal
  return {
    requestId,
    createdAtMs,
    totalMs,
    ended: endedRefusal({ ...refusal, status: GATEWAY_ERRORS[refusal.code].status }),
    stream,
    upstreamModel: null,
    upstreamResponseId: null,
    serviceTier: null,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    attempts: [],
    traceParent: traceParent ?? null,
  }
}

/** What a request failed by; a caller who left is told apart from an answer that was whole. */
export function errorTypeOf({ ended: { code, outcome } }: ToldRequest): string | undefined {
  return code ?? (outcome === 'client_closed' ? outcome : undefined)
}

export function attemptErrorOf(attempt: AttemptRecord): string | undefined {
  return attemptFailure(attempt) ?? attempt.reason ?? undefined
}
