import { initialState, type TransitionRule, transition, worse } from './transition.ts'

/** One would-be episode; `resolvedMs` null = it goes on. */
export interface PastEpisode {
  firedMs: number
  resolvedMs: number | null
  peak: number | null
  /** From firing to its end, or to the last value. */
  minutes: number
}

/**
 * When a rule would have fired over values of the past, one for each minute in order: the very transitions an evaluation
 * makes (alerts.md, "Back-test").
 */
export function backtest(
  points: Iterable<readonly [atMs: number, value: number | null]>,
  rule: TransitionRule,
): PastEpisode[] {
  const episodes: PastEpisode[] = []
  let state = initialState(0)
  for (const [atMs, value] of points) {
    const { next, begins, ends } = transition(state, value, atMs, rule)
    if (begins) episodes.push({ firedMs: atMs, resolvedMs: null, peak: value, minutes: 0 })
    const open = episodes.at(-1)
    if (open !== undefined && open.resolvedMs === null) {
      open.minutes = Math.round((atMs - open.firedMs) / 60_000)
      open.peak = worse(open.peak, value, rule.operator)
      if (ends !== null) open.resolvedMs = atMs
    }
    state = next
  }
  return episodes
}
