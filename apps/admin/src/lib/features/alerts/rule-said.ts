import type { AlertAggregation, AlertOperator } from '@turnpike/core/ops/words'
import { format } from '#lib/i18n/format.ts'
import { m } from '#lib/paraglide/messages.js'
import { aggregationText } from './alert-text.ts'
import { dimensionText, formatMetric, metricText } from './metric-text.ts'

const MINUTE_MS = 60_000
const OPERATORS = { '>': '>', '>=': '≥', '<': '<', '<=': '≤', '==': '=' } satisfies Record<AlertOperator, string>

interface SaidRule {
  metric: string
  aggregation: AlertAggregation
  operator: AlertOperator
  threshold: number
  windowMinutes: number
  forMinutes: number
}

export function operatorText(operator: AlertOperator): string {
  return OPERATORS[operator]
}

/** A rule's condition as one says it. */
export function ruleSaid(rule: SaidRule): string {
  const { metric, aggregation, operator, threshold, windowMinutes, forMinutes } = rule
  const words = {
    subject:
      aggregation === 'ratio'
        ? metricText(metric)
        : m.rule_subject({ metric: metricText(metric), aggregation: aggregationText(aggregation) }),
    window: format.span(windowMinutes * MINUTE_MS),
    operator: operatorText(operator),
    threshold: formatMetric(metric, threshold),
  }
  return forMinutes === 0
    ? m.rule_said(words)
    : m.rule_said_for({ ...words, time: format.span(forMinutes * MINUTE_MS) })
}

/** What a rule judges apart; empty where it judges everything together. */
export function groupingSaid(groupBy: readonly string[]): string {
  if (groupBy.length === 0) return ''
  return m.rule_said_each({ dimensions: groupBy.map((name) => dimensionText(name).toLocaleLowerCase()).join(' × ') })
}
