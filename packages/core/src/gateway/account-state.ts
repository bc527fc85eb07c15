import { z } from 'zod'
import type { AccountStatus } from '../words.ts'

/** What an attempt taught about its account. Source: accounts-and-billing.md, "Account states". */
export type AccountEvent =
  | { kind: 'answered' }
  | { kind: 'unauthorized' }
  | { kind: 'payment_required' }
  | { kind: 'forbidden'; isHtml: boolean }
  | { kind: 'rate_limited'; retryAfterMs: number | null }
  | { kind: 'overloaded' }
  | { kind: 'broken' }
  /** Nothing was learnt: the caller left, or the refusal was his own fault. */
  | { kind: 'inconclusive' }

const modelCooling = z.object({
  untilMs: z.number(),
  reason: z.string(),
  /** How many times in a row without a hint; the doubling's exponent. */
  level: z.number(),
  refusedAtMs: z.number(),
})

const breaker = z.object({
  failuresInRow: z.number(),
  /** Times opened since it last closed; 0 = closed. */
  opened: z.number(),
  /** A probe may go once this is past; one at a time. */
  openUntilMs: z.number(),
  probing: z.boolean(),
  window: z.array(z.object({ startMs: z.number(), total: z.number(), failed: z.number() })),
})

const accountHealth = z.object({
  coolingUntilMs: z.number(),
  coolingReason: z.string().nullable(),
  /** By the upstream's name of the model. */
  models: z.record(z.string(), modelCooling),
  unauthorizedAtMs: z.number(),
  forbiddenAtMs: z.array(z.number()),
  overloadLevel: z.number(),
  breaker,
})

/** Health of one account. Plain JSON: it is stored, so that a restart keeps what was learnt. */
export type AccountHealth = z.infer<typeof accountHealth>
type Breaker = z.infer<typeof breaker>

/** Health as it was stored; a new one where nothing fitting was. A probe that was under way died with its process. */
export function accountHealthOf(stored: unknown): AccountHealth {
  const parsed = accountHealth.safeParse(stored)
  if (!parsed.success) return newAccountHealth()
  return { ...parsed.data, breaker: { ...parsed.data.breaker, probing: false } }
}

/** A change worth a row in account_events and a write to the account. */
export interface HealthChange {
  kind: 'cooling' | 'model_cooling' | 'error' | 'breaker_opened' | 'breaker_closed'
  reason: string
  untilMs: number | null
  model: string | null
  /** Set where an administrator is needed. */
  status: AccountStatus | null
}

const MINUTE = 60_000
const UNAUTHORIZED_COOLING_MS = 10 * MINUTE
const UNAUTHORIZED_AGAIN_MS = 30 * MINUTE
const FORBIDDEN_COOLING_MS = 10 * MINUTE
const FORBIDDEN_HTML_COOLING_MS = MINUTE
const FORBIDDEN_WITHIN_MS = 180 * MINUTE
const FORBIDDEN_LIMIT = 3
const RATE_FIRST_MS = 5_000
const RATE_MAX_MS = 5 * MINUTE
const SECOND_MODEL_WITHIN_MS = MINUTE
const OVERLOAD_FIRST_MS = 30_000
const OVERLOAD_MAX_MS = 10 * MINUTE
const BREAKER_IN_ROW = 5
const BREAKER_MIN_SAMPLES = 20
const BREAKER_RATIO = 0.5
const BREAKER_WINDOW_MS = MINUTE
const BREAKER_BUCKET_MS = 5_000
const BREAKER_STEP_MS = 30_000
const BREAKER_MAX_MS = 10 * MINUTE

export function newAccountHealth(): AccountHealth {
  return {
    coolingUntilMs: 0,
    coolingReason: null,
    models: {},
    unauthorizedAtMs: 0,
    forbiddenAtMs: [],
    overloadLevel: 0,
    breaker: { failuresInRow: 0, opened: 0, openUntilMs: 0, probing: false, window: [] },
  }
}

/**
 * Applies what one attempt taught; `health` is changed in place because a success on the hot path must cost nothing.
 * Returns the change that others must hear of, or null. `model` is the upstream's name of the model.
 */
export function applyAccountEvent(
  health: AccountHealth,
  event: AccountEvent,
  { model, nowMs }: { model: string; nowMs: number },
): HealthChange | null {
  health.breaker.probing = false
  if (event.kind === 'inconclusive') return null
  countForBreaker(health.breaker, event.kind === 'broken', nowMs)
  switch (event.kind) {
    case 'answered':
      return recover(health, model)
    case 'unauthorized':
      return unauthorized(health, nowMs)
    case 'payment_required':
      return { kind: 'error', reason: 'payment_required', untilMs: null, model: null, status: 'error' }
    case 'forbidden':
      return forbidden(health, event.isHtml, nowMs)
    case 'rate_limited':
      return rateLimited(health, model, event.retryAfterMs, nowMs)
    case 'overloaded': {
      const ms = Math.min(OVERLOAD_FIRST_MS * 2 ** health.overloadLevel++, OVERLOAD_MAX_MS)
      return cool(health, 'overloaded', nowMs + ms)
    }
    case 'broken':
      return openBreaker(health.breaker, nowMs)
  }
}

/** Why the account cannot take a request for this model now; null = it can. `breaker` and `probing` may be failed open. */
export function unhealthyReason(
  health: AccountHealth,
  upstreamModel: string,
  nowMs: number,
): 'cooling' | 'model_cooling' | 'breaker' | 'probing' | null {
  if (health.coolingUntilMs > nowMs) return 'cooling'
  const cooling = health.models[upstreamModel]
  if (cooling !== undefined && cooling.untilMs > nowMs) return 'model_cooling'
  const { breaker } = health
  if (breaker.opened === 0) return null
  if (breaker.openUntilMs > nowMs) return 'breaker'
  return breaker.probing ? 'probing' : null
}

/** When the account may be asked again for this model, ms since the epoch; `nowMs` = at once. */
export function returnsAtMs(health: AccountHealth, upstreamModel: string, nowMs: number): number {
  return Math.max(
    nowMs,
    health.coolingUntilMs,
    health.models[upstreamModel]?.untilMs ?? 0,
    health.breaker.opened > 0 ? health.breaker.openUntilMs : 0,
  )
}

function recover(health: AccountHealth, model: string): HealthChange | null {
  health.overloadLevel = 0
  if (health.models[model] !== undefined) delete health.models[model]
  const { breaker } = health
  breaker.failuresInRow = 0
  if (breaker.opened === 0) return null
  breaker.opened = 0
  breaker.openUntilMs = 0
  breaker.window = []
  return { kind: 'breaker_closed', reason: 'probe_answered', untilMs: null, model: null, status: null }
}

function unauthorized(health: AccountHealth, nowMs: number): HealthChange {
  const again = health.unauthorizedAtMs > 0 && nowMs - health.unauthorizedAtMs <= UNAUTHORIZED_AGAIN_MS
  health.unauthorizedAtMs = nowMs
  if (again) return { kind: 'error', reason: 'unauthorized', untilMs: null, model: null, status: 'error' }
  return cool(health, 'unauthorized', nowMs + UNAUTHORIZED_COOLING_MS)
}

function forbidden(health: AccountHealth, isHtmlPage: boolean, nowMs: number): HealthChange {
  if (isHtmlPage) return cool(health, 'forbidden_page', nowMs + FORBIDDEN_HTML_COOLING_MS)
  health.forbiddenAtMs = [...health.forbiddenAtMs.filter((at) => nowMs - at <= FORBIDDEN_WITHIN_MS), nowMs]
  if (health.forbiddenAtMs.length >= FORBIDDEN_LIMIT) {
    return { kind: 'error', reason: 'forbidden', untilMs: null, model: null, status: 'error' }
  }
  return cool(health, 'forbidden', nowMs + FORBIDDEN_COOLING_MS)
}

function rateLimited(health: AccountHealth, model: string, hintMs: number | null, nowMs: number): HealthChange {
  const level = health.models[model]?.level ?? 0
  const untilMs = nowMs + (hintMs ?? Math.min(RATE_FIRST_MS * 2 ** level, RATE_MAX_MS))
  forgetOldModels(health, nowMs)
  const otherRefused = Object.entries(health.models).some(
    ([name, cooling]) => name !== model && nowMs - cooling.refusedAtMs <= SECOND_MODEL_WITHIN_MS,
  )
  health.models[model] = {
    untilMs,
    reason: 'rate_limited',
    level: hintMs === null ? level + 1 : level,
    refusedAtMs: nowMs,
  }
  if (otherRefused) return cool(health, 'rate_limited', untilMs)
  return { kind: 'model_cooling', reason: 'rate_limited', untilMs, model, status: null }
}

/** Keeps the map bounded: a cooling that ended longer ago than the largest step teaches nothing any more. */
function forgetOldModels(health: AccountHealth, nowMs: number): void {
  for (const [name, cooling] of Object.entries(health.models)) {
    if (nowMs - cooling.untilMs > RATE_MAX_MS) delete health.models[name]
  }
}

function cool(health: AccountHealth, reason: string, untilMs: number): HealthChange {
  if (untilMs > health.coolingUntilMs) {
    health.coolingUntilMs = untilMs
    health.coolingReason = reason
  }
  return { kind: 'cooling', reason, untilMs: health.coolingUntilMs, model: null, status: null }
}

function countForBreaker(breaker: Breaker, failed: boolean, nowMs: number): void {
  let bucket = breaker.window.at(-1)
  if (bucket === undefined || nowMs - bucket.startMs >= BREAKER_BUCKET_MS) {
    bucket = { startMs: nowMs, total: 0, failed: 0 }
    breaker.window = [...breaker.window.filter(({ startMs }) => nowMs - startMs < BREAKER_WINDOW_MS), bucket]
  }
  bucket.total++
  if (failed) bucket.failed++
}

function openBreaker(breaker: Breaker, nowMs: number): HealthChange | null {
  breaker.failuresInRow++
  const isProbe = breaker.opened > 0 && breaker.openUntilMs <= nowMs
  if (breaker.opened > 0 && !isProbe) return null
  if (!isProbe && !isTripped(breaker, nowMs)) return null
  breaker.opened++
  breaker.openUntilMs = nowMs + Math.min(BREAKER_STEP_MS * breaker.opened, BREAKER_MAX_MS)
  return { kind: 'breaker_opened', reason: 'upstream_broken', untilMs: breaker.openUntilMs, model: null, status: null }
}

function isTripped(breaker: Breaker, nowMs: number): boolean {
  if (breaker.failuresInRow >= BREAKER_IN_ROW) return true
  let total = 0
  let failed = 0
  for (const bucket of breaker.window) {
    if (nowMs - bucket.startMs >= BREAKER_WINDOW_MS) continue
    total += bucket.total
    failed += bucket.failed
  }
  return total >= BREAKER_MIN_SAMPLES && failed / total >= BREAKER_RATIO
}
