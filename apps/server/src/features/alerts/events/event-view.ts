import type { AlertEventStatus, AlertResolvedReason, AlertSeverity } from '@turnpike/core/ops/words'
import type { opsAlertEvents } from '@turnpike/db/schema'

export type EventRow = typeof opsAlertEvents.$inferSelect

/** An event as lists show it. */
export interface AlertEvent {
  id: number
  ruleId: number | null
  ruleName: string
  metric: string
  severity: AlertSeverity
  status: AlertEventStatus
  labels: Record<string, string>
  /** What people call the values of labels that are ids. */
  labelNames: Record<string, string>
  episode: number
  metricValue: number | null
  thresholdValue: number
  firedAt: string
  resolvedAt: string | null
  resolvedReason: AlertResolvedReason | null
  acknowledgedAt: string | null
  acknowledgedBy: number | null
}

/** What made it fire (alerts.md, "Explain"); null = not worked out yet. */
export interface Explanation {
  /** Value by minute, up to when it fired. */
  values: [at: string, value: number | null][]
  /** What changed most against the window before, largest change first. */
  movers: Mover[]
}

export interface Mover {
  dimension: string
  /** An id or a name, and what people call it. */
  value: string
  label: string
  before: number | null
  now: number | null
  /** Of the window in which it fired. */
  requests: number
}

export interface AlertEventDetail extends AlertEvent {
  resolvedBy: number | null
  resolvedNote: string | null
  explanation: Explanation | null
  /** The window of errors to look at. */
  errors: { from: string; to: string }
}

export function toAlertEvent(row: EventRow): AlertEvent {
  return {
    id: row.id,
    ruleId: row.ruleId,
    ruleName: row.ruleName,
    metric: row.metricType,
    severity: row.severity,
    status: row.status,
    labels: asLabels(row.labels),
    labelNames: asLabels(memberOf(row, 'labelNames')),
    episode: row.episode,
    metricValue: row.metricValue,
    thresholdValue: row.thresholdValue,
    firedAt: row.firedAt.toISOString(),
    resolvedAt: row.resolvedAt?.toISOString() ?? null,
    resolvedReason: row.resolvedReason,
    acknowledgedAt: row.acknowledgedAt?.toISOString() ?? null,
    acknowledgedBy: row.acknowledgedBy,
  }
}

const BEFORE_MS = 30 * 60_000

export function toAlertEventDetail(row: EventRow): AlertEventDetail {
  const found = memberOf(row, 'found')
  return {
    ...toAlertEvent(row),
    resolvedBy: row.resolvedBy,
    resolvedNote: row.resolvedNote,
    // Safe because `explainEvents` alone writes it.
    explanation: typeof found === 'object' && found !== null ? (found as Explanation) : null,
    errors: {
      from: new Date(row.firedAt.getTime() - BEFORE_MS).toISOString(),
      to: (row.resolvedAt ?? new Date(row.firedAt.getTime() + BEFORE_MS)).toISOString(),
    },
  }
}

function memberOf({ explanation }: EventRow, name: string): unknown {
  return typeof explanation === 'object' && explanation !== null ? Reflect.get(explanation, name) : undefined
}

function asLabels(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).map(([name, label]) => [name, String(label)]))
}
