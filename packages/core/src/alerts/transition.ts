import type { AlertOperator, AlertPhase, AlertResolvedReason, NoDataPolicy } from '../ops/words.ts'

const MINUTE_MS = 60_000

/** Where one rule and label set stand (alerts.md, "State"). */
export interface AlertState {
  phase: AlertPhase
  /** When it came into its phase. */
  sinceMs: number
  /** Minutes judged since then, the one that began the phase not counted. */
  heldMinutes: number
  /** Episodes begun so far. */
  episode: number
  /** Messages of the newest episode so far. */
  sequence: number
  /** Of this episode's last message of firing; null = none yet. */
  lastMessageMs: number | null
  /** Of the last message, in whatever episode, that told of a beginning. */
  lastFiringMessageMs: number | null
  /** The episode began within the cool-down and has told nobody. */
  isQuiet: boolean
  lastValue: number | null
  /** The value of this episode that is furthest beyond the threshold. */
  peak: number | null
}

/** What of a rule decides. Minutes; `repeatMinutes` 0 = never. */
export interface TransitionRule {
  operator: AlertOperator
  threshold: number
  recoveryThreshold: number
  forMinutes: number
  keepFiringMinutes: number
  noData: NoDataPolicy
  repeatMinutes: number
  cooldownMinutes: number
}

/** What a step tells: an episode begins or ends, and messages with their numbers. */
export interface Transition {
  next: AlertState
  begins: boolean
  ends: AlertResolvedReason | null
  notices: { kind: 'firing' | 'repeat' | 'resolved'; sequence: number }[]
}

/** `between`: not beyond the threshold any more, and not yet on the good side of the recovery threshold. */
type Verdict = 'breach' | 'between' | 'clear' | 'unknown' | 'gone'

export function initialState(atMs: number): AlertState {
  return {
    phase: 'inactive',
    sinceMs: atMs,
    heldMinutes: 0,
    episode: 0,
    sequence: 0,
    lastMessageMs: null,
    lastFiringMessageMs: null,
    isQuiet: false,
    lastValue: null,
    peak: null,
  }
}

/**
 * One judged minute: `value` is of the window that ends at `nowMs`, null = no data. Minutes must come in order, each once;
 * those nobody could judge are left out, and neither count as held nor end a hold.
 */
export function transition(
  previous: AlertState,
  value: number | null,
  nowMs: number,
  rule: TransitionRule,
): Transition {
  const verdict = verdictOf(value, rule)
  const seen = { ...previous, lastValue: value }
  if (previous.phase === 'firing' || previous.phase === 'recovering') return ofEpisode(seen, verdict, nowMs, rule)
  if (verdict === 'unknown') return quiet(seen)
  if (verdict !== 'breach') return quiet(previous.phase === 'inactive' ? seen : entered(seen, 'inactive', nowMs))
  const pending = previous.phase === 'pending' ? held(seen) : entered(seen, 'pending', nowMs)
  return pending.heldMinutes < rule.forMinutes ? quiet(pending) : began(pending, nowMs, rule)
}

/** Ends what is open, for a reason that no value gives: the rule went or changed, or somebody ended it. */
export function closed(previous: AlertState, nowMs: number, reason: AlertResolvedReason): Transition {
  const isOpen = previous.phase === 'firing' || previous.phase === 'recovering'
  return isOpen ? ended(previous, nowMs, reason) : quiet(entered(previous, 'inactive', nowMs))
}

function began(pending: AlertState, nowMs: number, rule: TransitionRule): Transition {
  const firing = {
    ...entered(pending, 'firing', nowMs),
    episode: pending.episode + 1,
    sequence: 0,
    lastMessageMs: null,
    isQuiet: true,
    peak: pending.lastValue,
  }
  return { ...announced(firing, nowMs, rule), begins: true }
}

function ofEpisode(state: AlertState, verdict: Verdict, nowMs: number, rule: TransitionRule): Transition {
  const peaked = { ...state, peak: worse(state.peak, state.lastValue, rule.operator) }
  if (verdict === 'gone') return ended(peaked, nowMs, 'no_data')
  if (verdict === 'clear') {
    const recovering = state.phase === 'recovering' ? held(peaked) : entered(peaked, 'recovering', nowMs)
    return recovering.heldMinutes < rule.keepFiringMinutes ? quiet(recovering) : ended(recovering, nowMs, 'recovered')
  }
  if (verdict === 'unknown') return announced(peaked, nowMs, rule)
  return announced(state.phase === 'firing' ? held(peaked) : entered(peaked, 'firing', nowMs), nowMs, rule)
}

/** The message that is due: of the beginning, once no cool-down holds it back, or a repeat. None while it recovers. */
function announced(state: AlertState, nowMs: number, { repeatMinutes, cooldownMinutes }: TransitionRule): Transition {
  if (state.phase !== 'firing') return quiet(state)
  if (state.isQuiet) {
    if (isWithin(state.lastFiringMessageMs, cooldownMinutes, nowMs)) return quiet(state)
    const told = { ...state, isQuiet: false, lastFiringMessageMs: nowMs, lastMessageMs: nowMs }
    return saying(told, 'firing')
  }
  if (repeatMinutes === 0 || isWithin(state.lastMessageMs, repeatMinutes, nowMs)) return quiet(state)
  return saying({ ...state, lastMessageMs: nowMs }, 'repeat')
}

function ended(state: AlertState, nowMs: number, reason: AlertResolvedReason): Transition {
  const over = { ...entered(state, 'inactive', nowMs), lastMessageMs: null, isQuiet: false, peak: null }
  // Who was not told of the beginning is not told of the end.
  return { ...(state.isQuiet ? quiet(over) : saying(over, 'resolved')), ends: reason }
}

function saying(state: AlertState, kind: 'firing' | 'repeat' | 'resolved'): Transition {
  const sequence = state.sequence + 1
  return { next: { ...state, sequence }, begins: false, ends: null, notices: [{ kind, sequence }] }
}

function quiet(next: AlertState): Transition {
  return { next, begins: false, ends: null, notices: [] }
}

function entered(state: AlertState, phase: AlertPhase, nowMs: number): AlertState {
  return { ...state, phase, sinceMs: nowMs, heldMinutes: 0 }
}

function held(state: AlertState): AlertState {
  return { ...state, heldMinutes: state.heldMinutes + 1 }
}

function isWithin(sinceMs: number | null, minutes: number, nowMs: number): boolean {
  return sinceMs !== null && nowMs - sinceMs < minutes * MINUTE_MS
}

function verdictOf(value: number | null, { operator, threshold, recoveryThreshold, noData }: TransitionRule): Verdict {
  if (value === null || !Number.isFinite(value)) return WITHOUT_DATA[noData]
  if (isBeyond(value, operator, threshold)) return 'breach'
  return isBeyond(value, operator, recoveryThreshold) ? 'between' : 'clear'
}

const WITHOUT_DATA = {
  ok: 'clear',
  keep: 'unknown',
  alert: 'breach',
  resolve: 'gone',
} as const satisfies Record<NoDataPolicy, Verdict>

export function isBeyond(value: number, operator: AlertOperator, threshold: number): boolean {
  switch (operator) {
    case '>':
      return value > threshold
    case '>=':
      return value >= threshold
    case '<':
      return value < threshold
    case '<=':
      return value <= threshold
    case '==':
      return value === threshold
  }
}

/** The one of two values that is further beyond a threshold. */
export function worse(a: number | null, b: number | null, operator: AlertOperator): number | null {
  if (a === null || b === null) return a ?? b
  return operator === '<' || operator === '<=' ? Math.min(a, b) : Math.max(a, b)
}
