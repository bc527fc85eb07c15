import { type Labels, labelsKey } from '@turnpike/core/alerts/notice'
import type { RulePart } from '@turnpike/core/alerts/slo'
import { partsOf } from '@turnpike/core/alerts/slo'
import { type AlertState, closed, initialState, type Transition, transition } from '@turnpike/core/alerts/transition'
import type { AlertResolvedReason } from '@turnpike/core/ops/words'
import type { alertStates } from '@turnpike/db/schema'
import type { StoredRule } from '../rules/stored-rule.ts'
import type { SeriesValue } from './read-values.ts'

export type StateRow = typeof alertStates.$inferSelect

/** What one label set of a rule came to, ready to be written. */
export interface Judgement {
  stored: StoredRule
  labels: Labels
  part: RulePart
  value: number | null
  /** As it was before; null = it has no row yet. */
  row: StateRow | null
  step: Transition
}

/** Takes every series of a rule one minute further. `states` are those of the rule as they are stored. */
export function judge(
  stored: StoredRule,
  series: readonly SeriesValue[],
  states: readonly StateRow[],
  atMs: number,
): Judgement[] {
  const rows = new Map(states.map((row) => [labelsKey(labelsOfState(row)), row]))
  return series.map(({ labels, part, value }) => {
    const row = rows.get(labelsKey(labels)) ?? null
    const { threshold, recoveryThreshold } = part
    const terms = { ...stored.rule, threshold, recoveryThreshold }
    const step = transition(row === null ? initialState(atMs) : toState(row), value, atMs, terms)
    return { stored, labels, part, value, row, step }
  })
}

/** Ends what a rule has open, and lets go of what was pending. */
export function closeAll(
  stored: StoredRule,
  states: readonly StateRow[],
  atMs: number,
  reason: AlertResolvedReason,
): Judgement[] {
  const parts = partsOf(stored.rule)
  const [first] = parts
  return states
    .filter(({ phase }) => phase !== 'inactive')
    .map((row) => {
      const labels = labelsOfState(row)
      const part = parts.find(({ labels: own }) => Object.entries(own).every(([name, value]) => labels[name] === value))
      return {
        stored,
        labels,
        part: part ?? first,
        value: row.lastValue,
        row,
        step: closed(toState(row), atMs, reason),
      }
    })
}

/** Safe because only labels are written there. */
export function labelsOfState({ labels }: Pick<StateRow, 'labels'>): Labels {
  return labels as Labels
}

function toState(row: StateRow): AlertState {
  return {
    phase: row.phase,
    sinceMs: row.since.getTime(),
    heldMinutes: row.heldMinutes,
    episode: row.episode,
    sequence: row.sequence,
    lastMessageMs: row.lastMessageAt?.getTime() ?? null,
    lastFiringMessageMs: row.lastFiringMessageAt?.getTime() ?? null,
    isQuiet: row.isQuiet,
    lastValue: row.lastValue,
    peak: row.peak,
  }
}
