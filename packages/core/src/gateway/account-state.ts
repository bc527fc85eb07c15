import { z } from 'zod'
import type { AccountStatus } from '../words.ts'
import { type BreakerSample, breakerReason, breakerSchema, newBreaker, sampleBreaker } from './breaker.ts'

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

const accountHealth = z.object({
  coolingUntilMs: z.number(),
  coolingReason: z.string().nullable(),
  /** By the upstream's name of the model. */
  models: z.record(z.string(), modelCooling),
  unauthorizedAtMs: z.number(),
  forbiddenAtMs: z.array(z.number()),
  overloadLevel: z.number(),
  /** Sessions bound to the account until then are bound to it no more. */
  unboundAtMs: z.number().default(0),
  breaker: breakerSchema,
})

/** Health of one account. Plain JSON: it is stored, so that a restart keeps what was learnt. */
export type AccountHealth = z.infer<typeof accountHealth>

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
const BREAKER_CLOSED: HealthChange = {
  kind: 'breaker_closed',
  reason: 'probe_answered',
  untilMs: null,
  model: null,
  status: null,
}

export function newAccountHealth(): AccountHealth {
  return {
    coolingUntilMs: 0,
    coolingReason: null,
    models: {},
    unauthorizedAtMs: 0,
    forbiddenAtMs: [],
    overloadLevel: 0,
    unboundAtMs: 0,
    breaker: newBreaker(),
  }
}

/**
 * Applies what one attempt taught; `health` is changed in place because a success on the hot path must cost nothing.
 * Returns the change that others must hear of, or null. `model` is the upstream's name of the model.
 */
export function applyAccountEvent(
  health: AccountHealth,
  event: AccountEvent,
  at: { model: string; nowMs: number },
): HealthChange | null {
  const change = learn(health, event, at)
  if (change !== null && UNBINDING.has(change.kind)) health.unboundAtMs = at.nowMs
  return change
}

/** An account that nobody can use for a while loses the sessions bound to it (gateway.md step 7). */
const UNBINDING: ReadonlySet<HealthChange['kind']> = new Set(['cooling', 'error', 'breaker_opened'])

function learn(
  health: AccountHealth,
  event: AccountEvent,
  { model, nowMs }: { model: string; nowMs: number },
): HealthChange | null {
  if (event.kind === 'inconclusive') {
    health.breaker.probing = false
    return null
  }
  const sample: BreakerSample = event.kind === 'answered' || event.kind === 'broken' ? event.kind : 'refused'
  const turned = sampleBreaker(health.breaker, sample, nowMs)
  switch (event.kind) {
    case 'answered':
      recover(health, model, nowMs)
      return turned === 'closed' ? BREAKER_CLOSED : null
    case 'broken':
      return turned === 'opened' ? breakerOpened(health) : null
    case 'unauthorized':
      return unauthorized(health, nowMs)
    case 'payment_required':
      return { kind: 'error', reason: 'payment_required', untilMs: null, model: null, status: 'error' }
    case 'forbidden':
      return forbidden(health, event.isHtml, nowMs)
    case 'rate_limited':
      return rateLimited(health, model, event.retryAfterMs, nowMs)
    case 'overloaded':
      return overloaded(health, nowMs)
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
  return breakerReason(health.breaker, nowMs)
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

/** A stream may end well long after it began: what the account was told to wait for meanwhile still holds. */
function recover(health: AccountHealth, model: string, nowMs: number): void {
  if (health.coolingUntilMs <= nowMs) health.overloadLevel = 0
  const cooling = health.models[model]
  if (cooling !== undefined && cooling.untilMs <= nowMs) delete health.models[model]
}

function breakerOpened({ breaker }: AccountHealth): HealthChange {
  return { kind: 'breaker_opened', reason: 'upstream_broken', untilMs: breaker.openUntilMs, model: null, status: null }
}

function unauthorized(health: AccountHealth, nowMs: number): HealthChange | null {
  if (isCoolingFor('unauthorized', health, nowMs)) return null
  const again = health.unauthorizedAtMs > 0 && nowMs - health.unauthorizedAtMs <= UNAUTHORIZED_AGAIN_MS
  health.unauthorizedAtMs = nowMs
  if (again) return { kind: 'error', reason: 'unauthorized', untilMs: null, model: null, status: 'error' }
  return cool(health, 'unauthorized', nowMs + UNAUTHORIZED_COOLING_MS)
}

function forbidden(health: AccountHealth, isHtmlPage: boolean, nowMs: number): HealthChange | null {
  if (isHtmlPage) return cool(health, 'forbidden_page', nowMs + FORBIDDEN_HTML_COOLING_MS)
  if (isCoolingFor('forbidden', health, nowMs)) return null
  health.forbiddenAtMs = [...health.forbiddenAtMs.filter((at) => nowMs - at <= FORBIDDEN_WITHIN_MS), nowMs]
  if (health.forbiddenAtMs.length >= FORBIDDEN_LIMIT) {
    return { kind: 'error', reason: 'forbidden', untilMs: null, model: null, status: 'error' }
  }
  return cool(health, 'forbidden', nowMs + FORBIDDEN_COOLING_MS)
}

function overloaded(health: AccountHealth, nowMs: number): HealthChange | null {
  if (isCoolingFor('overloaded', health, nowMs)) return null
  const ms = Math.min(OVERLOAD_FIRST_MS * 2 ** health.overloadLevel, OVERLOAD_MAX_MS)
  health.overloadLevel++
  return cool(health, 'overloaded', nowMs + ms)
}

/** Requests that were under way together get the same answer together: one incident, not several in a row. */
function isCoolingFor(reason: string, health: AccountHealth, nowMs: number): boolean {
  return health.coolingReason === reason && health.coolingUntilMs > nowMs
}

function rateLimited(health: AccountHealth, model: string, hintMs: number | null, nowMs: number): HealthChange | null {
  forgetOldModels(health, nowMs)
  const known = health.models[model]
  const wasCoolingUntilMs = known?.untilMs ?? 0
  const isSameIncident = hintMs === null && wasCoolingUntilMs > nowMs
  const level = known?.level ?? 0
  const stepMs = isSameIncident ? 0 : Math.min(RATE_FIRST_MS * 2 ** level, RATE_MAX_MS)
  const untilMs = Math.max(wasCoolingUntilMs, nowMs + (hintMs ?? stepMs))
  health.models[model] = {
    untilMs,
    reason: 'rate_limited',
    level: hintMs === null && !isSameIncident ? level + 1 : level,
    refusedAtMs: nowMs,
  }
  if (isOtherModelRefused(health, model, nowMs)) return cool(health, 'rate_limited', untilMs)
  if (untilMs === wasCoolingUntilMs) return null
  return { kind: 'model_cooling', reason: 'rate_limited', untilMs, model, status: null }
}

function isOtherModelRefused({ models }: AccountHealth, model: string, nowMs: number): boolean {
  return Object.entries(models).some(
    ([name, cooling]) => name !== model && nowMs - cooling.refusedAtMs <= SECOND_MODEL_WITHIN_MS,
  )
}

/** Keeps the map bounded: a cooling that ended longer ago than the largest step teaches nothing any more. */
function forgetOldModels(health: AccountHealth, nowMs: number): void {
  for (const [name, cooling] of Object.entries(health.models)) {
    if (nowMs - cooling.untilMs > RATE_MAX_MS) delete health.models[name]
  }
}

/** Null where the account cools that long already. */
function cool(health: AccountHealth, reason: string, untilMs: number): HealthChange | null {
  if (untilMs <= health.coolingUntilMs) return null
  health.coolingUntilMs = untilMs
  health.coolingReason = reason
  return { kind: 'cooling', reason, untilMs, model: null, status: null }
}
