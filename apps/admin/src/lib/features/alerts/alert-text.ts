import type {
  AlertAggregation,
  AlertEventStatus,
  AlertResolvedReason,
  AlertSeverity,
  NoDataPolicy,
} from '@turnpike/core/ops/words'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'

const SEVERITIES = {
  info: { tone: 'info', text: m.severity_info },
  warning: { tone: 'warn', text: m.severity_warning },
  critical: { tone: 'bad', text: m.severity_critical },
} satisfies Record<AlertSeverity, Look>

const STATUSES = {
  firing: { tone: 'bad', text: m.alert_firing },
  resolved: { tone: 'ok', text: m.alert_resolved },
  manual_resolved: { tone: 'neutral', text: m.alert_manual_resolved },
} satisfies Record<AlertEventStatus, Look>

const REASONS = {
  recovered: m.resolved_recovered,
  no_data: m.resolved_no_data,
  rule_changed: m.resolved_rule_changed,
  rule_disabled: m.resolved_rule_disabled,
  rule_deleted: m.resolved_rule_deleted,
  manual: m.resolved_manual,
} satisfies Record<AlertResolvedReason, () => string>

const AGGREGATIONS = {
  avg: m.aggregation_avg,
  max: m.aggregation_max,
  min: m.aggregation_min,
  sum: m.aggregation_sum,
  count: m.aggregation_count,
  rate: m.aggregation_rate,
  ratio: m.aggregation_ratio,
  p50: m.aggregation_p50,
  p95: m.aggregation_p95,
  p99: m.aggregation_p99,
} satisfies Record<AlertAggregation, () => string>

const NO_DATA = {
  ok: m.no_data_ok,
  keep: m.no_data_keep,
  alert: m.no_data_alert,
  resolve: m.no_data_resolve,
} satisfies Record<NoDataPolicy, () => string>

export function severityLook(severity: AlertSeverity): Look {
  return SEVERITIES[severity]
}

export function severityText(severity: AlertSeverity): string {
  return SEVERITIES[severity].text()
}

/** An acknowledged alert still fires, but somebody has it in hand. */
export function alertLook({
  status,
  acknowledgedAt,
}: {
  status: AlertEventStatus
  acknowledgedAt: string | null
}): Look {
  if (status === 'firing' && acknowledgedAt !== null) return { tone: 'warn', text: m.alert_acknowledged }
  return STATUSES[status]
}

export function resolvedReasonText(reason: AlertResolvedReason): string {
  return REASONS[reason]()
}

export function aggregationText(aggregation: AlertAggregation): string {
  return AGGREGATIONS[aggregation]()
}

export function noDataText(policy: NoDataPolicy): string {
  return NO_DATA[policy]()
}
