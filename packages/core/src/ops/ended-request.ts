import type { AttemptRecord, Outcome, RequestTimes, TokenUsage } from '../gateway/outcome.ts'
import { attemptCode, ERROR_CLASSES, type FailureCode, failureCode } from './classify.ts'
import type { Refusal } from './refusal.ts'

/** What is counted of a request that ended, whether it reached an upstream or was turned away; null = not known, or none. */
export interface EndedRequest {
  endedAtMs: number
  endpoint: string | null
  model: string | null
  userId: number | null
  keyId: number | null
  groupId: number | null
  accountId: number | null
  status: number
  outcome: Outcome['outcome']
  /** Null = it did not fail, or its caller left. */
  code: FailureCode | null
  usage: Pick<TokenUsage, 'inputTokens' | 'cachedInputTokens' | 'outputTokens'>
  costNano: number | null
  billedNano: number
  attempts: readonly Pick<AttemptRecord, 'accountId' | 'status' | 'reason'>[]
  /** Null where no upstream was reached: what is turned away is quick, and would make the rest look so. */
  times: { latencyMs: number; ttftMs: number | null; gatewayMs: number | null } | null
}

const NO_TOKENS = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0 }

type Counted = Pick<
  Outcome,
  | 'endedAtMs'
  | 'endpoint'
  | 'model'
  | 'userId'
  | 'keyId'
  | 'groupId'
  | 'accountId'
  | 'status'
  | 'outcome'
  | 'errorCode'
  | 'costNano'
  | 'billedNano'
  | 'attempts'
> & {
  usage: EndedRequest['usage']
  times: Pick<RequestTimes, 'totalMs' | 'ttftMs' | 'gatewayMs'>
}

export function endedOutcome(outcome: Counted): EndedRequest {
  const { times, accountId } = outcome
  const code = failureCode(outcome)
  // Member by member: copied as a whole, an outcome costs more than all that is counted of it.
  return {
    endedAtMs: outcome.endedAtMs,
    endpoint: outcome.endpoint,
    // A name nobody here knows is the caller's invention.
    model: code === 'model_not_found' ? null : modelName(outcome.model),
    userId: outcome.userId,
    keyId: outcome.keyId,
    groupId: outcome.groupId,
    accountId,
    status: outcome.status,
    outcome: outcome.outcome,
    code,
    usage: outcome.usage,
    costNano: outcome.costNano,
    billedNano: outcome.billedNano,
    attempts: outcome.attempts,
    times: accountId === null || outcome.outcome === 'unknown' ? null : timesOf(times),
  }
}

function timesOf({ totalMs, ttftMs, gatewayMs }: Counted['times']): EndedRequest['times'] {
  return { latencyMs: totalMs, ttftMs, gatewayMs }
}

export function endedRefusal(refusal: Refusal & { status: number }): EndedRequest {
  const { code } = refusal
  return {
    ...refusal,
    model: ERROR_CLASSES[code].owner === 'client' || refusal.model === null ? null : modelName(refusal.model),
    accountId: null,
    outcome: 'failed',
    usage: NO_TOKENS,
    costNano: null,
    billedNano: 0,
    attempts: [],
    times: null,
  }
}

/** What an attempt failed by; null = it answered, or its caller left it. */
export function attemptFailure({ reason }: Pick<AttemptRecord, 'reason'>): FailureCode | null {
  return reason === null ? null : attemptCode(reason)
}

const MAX_MODEL_CHARS = 255

/** As the database can hold it: callers name models as they like. */
function modelName(model: string): string {
  const name = model.length > MAX_MODEL_CHARS ? model.slice(0, MAX_MODEL_CHARS) : model
  return name.isWellFormed() && !name.includes('\0') ? name : name.replaceAll('\0', '').toWellFormed()
}
