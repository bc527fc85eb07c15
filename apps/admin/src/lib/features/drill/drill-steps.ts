import type { Evidence } from './drill-evidence.ts'

export const DRILL_STEPS = ['fault', 'failover', 'errors', 'alert', 'message', 'recovery'] as const
export type DrillStep = (typeof DRILL_STEPS)[number]

/** `missing`: the drill is over and it has not happened. */
export type StepState = 'waiting' | 'running' | 'done' | 'missing'

export interface DrillFacts {
  phase: 'failing' | 'recovering' | 'over'
  evidence: Evidence | null
  /** Good answers in a row, as the callers got them. */
  goodInRow: number
}

/** So many good answers in a row mean that callers are served again. */
export const GOOD_IN_ROW = 6

/** How far each part of the story has come. */
export function stepsOf({ phase, evidence, goodInRow }: DrillFacts): Record<DrillStep, StepState> {
  const isOver = phase === 'over'
  const seen = (isThere: boolean): StepState => {
    if (isThere) return 'done'
    return isOver ? 'missing' : 'waiting'
  }
  const { event = null, deliveries = [], switched = 0, errors = 0 } = evidence ?? {}
  return {
    fault: phase === 'failing' ? 'running' : 'done',
    failover: seen(switched > 0),
    errors: seen(errors > 0),
    alert: seen(event !== null),
    message: deliveries.some(({ status }) => status === 'pending' || status === 'sending')
      ? 'running'
      : seen(deliveries.some(({ kind, status }) => kind === 'firing' && status === 'sent')),
    recovery:
      phase === 'recovering' ? 'running' : seen(isOver && goodInRow >= GOOD_IN_ROW && event?.status !== 'firing'),
  }
}

/** How long after the last fault the drill waits for an alert that has not come, and at most for its end. */
export const LATE_ALERT_MS = 210_000
export const MAX_RECOVERY_MS = 900_000

/** Whether there is nothing more to wait for: callers are served again, and the alert, where there was one, has gone. */
export function isDrillOver({ evidence, goodInRow }: DrillFacts, sinceFaultMs: number): boolean {
  if (sinceFaultMs >= MAX_RECOVERY_MS) return true
  if (!evidence || goodInRow < GOOD_IN_ROW) return false
  const { event, deliveries } = evidence
  if (event === null) return evidence.errors === 0 || sinceFaultMs >= LATE_ALERT_MS
  return event.status !== 'firing' && deliveries.every(({ status }) => status !== 'pending' && status !== 'sending')
}
