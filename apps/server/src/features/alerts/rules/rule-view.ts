import type { Rule } from '@turnpike/core/alerts/rule'
import type { AlertPhase } from '@turnpike/core/ops/words'
import type { alertProgress } from '@turnpike/db/schema'
import { type RuleRow, toStoredRule } from './stored-rule.ts'

/** A rule as the API shows it. */
export interface AlertRule extends Rule {
  id: number
  version: number
  createdBy: number | null
  createdAt: string
  updatedAt: string
  lastTriggeredAt: string | null
  /** Where its worst label set stands. */
  phase: AlertPhase
  /** Label sets that fire, or recover. */
  firing: number
  /** The end of the newest minute that was judged; null = none yet. */
  evaluatedTo: string | null
  /** Failed evaluations in a row, and how the last one failed. */
  failures: number
  lastError: string | null
}

/** Counts of a rule's states by phase. */
export type PhaseCounts = Readonly<Partial<Record<AlertPhase, number>>>

export function toAlertRule(
  row: RuleRow,
  phases: PhaseCounts,
  progress: typeof alertProgress.$inferSelect | null,
): AlertRule {
  const firing = (phases.firing ?? 0) + (phases.recovering ?? 0)
  return {
    ...toStoredRule(row).rule,
    id: row.id,
    version: row.version,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    lastTriggeredAt: row.lastTriggeredAt?.toISOString() ?? null,
    phase: WORST_FIRST.find((phase) => (phases[phase] ?? 0) > 0) ?? 'inactive',
    firing,
    evaluatedTo: progress?.evaluatedTo?.toISOString() ?? null,
    failures: progress?.failures ?? 0,
    lastError: progress?.lastError ?? null,
  }
}

const WORST_FIRST = ['firing', 'recovering', 'pending'] as const satisfies readonly AlertPhase[]
