import { type AlertDimension, type AlertMetric, termsOf } from '@turnpike/core/alerts/metrics'
import type { RuleInput, Rule as RuleSaid } from '@turnpike/core/alerts/rule'
import type { AlertAggregation, AlertOperator, AlertSeverity, NoDataPolicy } from '@turnpike/core/ops/words'
import { orNull, parseDecimal, parseLines, parseWhole } from '#lib/forms/lines.ts'
import { parseLabels, printLabels } from './label-lines.ts'

export const RULE_KINDS = ['threshold', 'slo'] as const
export type RuleKind = (typeof RULE_KINDS)[number]
type FilterOp = NonNullable<RuleInput['dimensionFilters']>[number]['op']

export interface FilterValues {
  dimension: AlertDimension
  op: FilterOp
  /** One per line. */
  values: string
}

/** A rule as the form holds it: numbers and lists as text. */
export interface RuleValues {
  name: string
  description: string
  enabled: boolean
  severity: AlertSeverity
  kind: RuleKind
  metric: AlertMetric
  aggregation: AlertAggregation
  operator: AlertOperator
  threshold: string
  /** Empty = the threshold. */
  recoveryThreshold: string
  sloTarget: string
  sloPeriod: string
  windowMinutes: string
  forMinutes: string
  keepFiringMinutes: string
  minSamples: string
  noData: NoDataPolicy
  filters: FilterValues[]
  /** Empty = none. */
  groupBy: [AlertDimension | '', AlertDimension | '']
  channelIds: number[]
  sendResolved: boolean
  /** Empty = none. */
  fallbackId: string
  repeatMinutes: string
  cooldownMinutes: string
  labels: string
  runbookUrl: string
}

/** What a new rule begins with. */
export function newRule(): RuleValues {
  return {
    name: '',
    description: '',
    enabled: true,
    severity: 'warning',
    kind: 'threshold',
    metric: 'error_rate',
    aggregation: 'ratio',
    operator: '>',
    threshold: '5',
    recoveryThreshold: '',
    sloTarget: '99.9',
    sloPeriod: '30',
    windowMinutes: '5',
    forMinutes: '2',
    keepFiringMinutes: '2',
    minSamples: '20',
    noData: 'ok',
    filters: [],
    groupBy: ['', ''],
    channelIds: [],
    sendResolved: true,
    fallbackId: '',
    repeatMinutes: '240',
    cooldownMinutes: '0',
    labels: '',
    runbookUrl: '',
  }
}

export function valuesOfRule(rule: RuleSaid): RuleValues {
  const fresh = newRule()
  const { fallbackChannelId, sendResolved } = rule.notifyConfig
  return {
    ...fresh,
    name: rule.name,
    description: rule.description,
    enabled: rule.enabled,
    severity: rule.severity,
    kind: rule.slo === null ? 'threshold' : 'slo',
    metric: rule.metric,
    aggregation: rule.aggregation,
    operator: rule.operator,
    threshold: String(rule.threshold),
    recoveryThreshold: rule.recoveryThreshold === rule.threshold ? '' : String(rule.recoveryThreshold),
    sloTarget: rule.slo === null ? fresh.sloTarget : String(rule.slo.target),
    sloPeriod: rule.slo === null ? fresh.sloPeriod : String(rule.slo.periodDays),
    windowMinutes: String(rule.windowMinutes),
    forMinutes: String(rule.forMinutes),
    keepFiringMinutes: String(rule.keepFiringMinutes),
    minSamples: String(rule.minSamples),
    noData: rule.noData,
    filters: rule.dimensionFilters.map(({ dimension, op, values }) => ({ dimension, op, values: values.join('\n') })),
    groupBy: [rule.groupBy[0] ?? '', rule.groupBy[1] ?? ''],
    channelIds: [...rule.notifyChannels],
    sendResolved,
    fallbackId: fallbackChannelId === null ? '' : String(fallbackChannelId),
    repeatMinutes: String(rule.repeatMinutes),
    cooldownMinutes: String(rule.cooldownMinutes),
    labels: printLabels(rule.labels),
    runbookUrl: rule.runbookUrl ?? '',
  }
}

/** What goes to the server. A burn-rate rule has no metric and threshold of its own: they follow from its target. */
export function ruleInput(values: RuleValues): RuleInput {
  const { name, description, enabled, severity, noData } = values
  return {
    name,
    description,
    enabled,
    severity,
    ...(values.kind === 'slo' ? sloMembers(values) : thresholdMembers(values)),
    noData,
    minSamples: parseWhole(values.minSamples, 0),
    dimensionFilters: values.filters.map(({ dimension, op, values: lines }) => ({
      dimension,
      op,
      values: parseLines(lines),
    })),
    groupBy: values.groupBy.filter((dimension) => dimension !== ''),
    repeatMinutes: parseWhole(values.repeatMinutes, 0),
    cooldownMinutes: parseWhole(values.cooldownMinutes, 0),
    notifyChannels: values.channelIds,
    notifyConfig: { sendResolved: values.sendResolved, fallbackChannelId: parseWhole(values.fallbackId, null) },
    labels: parseLabels(values.labels),
    runbookUrl: orNull(values.runbookUrl),
  }
}

/** The metric's own aggregation where the chosen one is none of its. */
export function aggregationFor(metric: AlertMetric, aggregation: AlertAggregation): AlertAggregation {
  const { aggregations } = termsOf(metric)
  return aggregations.includes(aggregation) ? aggregation : aggregations[0]
}

function sloMembers({ sloTarget, sloPeriod }: RuleValues) {
  return { slo: { target: parseDecimal(sloTarget), periodDays: parseWhole(sloPeriod, Number.NaN) } }
}

function thresholdMembers(values: RuleValues) {
  const { metric, operator, threshold, recoveryThreshold } = values
  return {
    slo: null,
    metric,
    aggregation: aggregationFor(metric, values.aggregation),
    operator,
    threshold: parseDecimal(threshold),
    recoveryThreshold: parseDecimal(recoveryThreshold.trim() === '' ? threshold : recoveryThreshold),
    windowMinutes: parseWhole(values.windowMinutes, Number.NaN),
    forMinutes: parseWhole(values.forMinutes, 0),
    keepFiringMinutes: parseWhole(values.keepFiringMinutes, 0),
  }
}
