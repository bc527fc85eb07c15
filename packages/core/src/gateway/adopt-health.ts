import type { AccountHealth, HealthChange } from './account-state.ts'
import { adoptClosing, adoptOpening } from './breaker.ts'

/**
 * Takes over what another instance learnt of an account, so that none asks what one knows to be out; in place. Of two that
 * know how long it is out, the longer one is right. Counters of this instance's own requests stay.
 */
export function adoptHealth(
  mine: AccountHealth,
  theirs: AccountHealth,
  { change, nowMs }: { change: HealthChange['kind'] | null; nowMs: number },
): void {
  if (theirs.coolingUntilMs > mine.coolingUntilMs) {
    mine.coolingUntilMs = theirs.coolingUntilMs
    mine.coolingReason = theirs.coolingReason
    mine.overloadLevel = Math.max(mine.overloadLevel, theirs.overloadLevel)
  }
  for (const [model, cooling] of Object.entries(theirs.models)) {
    if (cooling.untilMs > Math.max(nowMs, mine.models[model]?.untilMs ?? 0)) mine.models[model] = cooling
  }
  mine.unauthorizedAtMs = Math.max(mine.unauthorizedAtMs, theirs.unauthorizedAtMs)
  mine.forbiddenAtMs = [...new Set([...mine.forbiddenAtMs, ...theirs.forbiddenAtMs])].sort((a, b) => a - b)
  mine.unboundAtMs = Math.max(mine.unboundAtMs, theirs.unboundAtMs)
  if (change === 'breaker_closed') adoptClosing(mine.breaker, nowMs)
  else adoptOpening(mine.breaker, theirs.breaker)
}
