import { type Rule, ruleSchema } from '@turnpike/core/alerts/rule'
import type { opsAlertRules } from '@turnpike/db/schema'

export type RuleRow = typeof opsAlertRules.$inferSelect

/** A rule with what only the database knows of it. */
export interface StoredRule {
  id: number
  version: number
  rule: Rule
}

/** Throws where what is stored makes no sense as a rule. */
export function toStoredRule(row: RuleRow): StoredRule {
  return { id: row.id, version: row.version, rule: ruleSchema.parse(saidOf(row)) }
}

/** A row as somebody would write the rule. */
export function saidOf(row: RuleRow): Record<string, unknown> {
  return {
    name: row.name,
    description: row.description,
    enabled: row.enabled,
    severity: row.severity,
    metric: row.metricType,
    aggregation: row.aggregation,
    dimensionFilters: row.dimensionFilters,
    groupBy: row.groupBy,
    operator: row.operator,
    threshold: row.threshold,
    recoveryThreshold: row.recoveryThreshold,
    windowMinutes: row.windowMinutes,
    forMinutes: row.sustainedMinutes,
    keepFiringMinutes: row.keepFiringMinutes,
    minSamples: row.minSamples,
    noData: row.noData,
    repeatMinutes: row.repeatMinutes,
    cooldownMinutes: row.cooldownMinutes,
    notifyChannels: row.notifyChannels,
    notifyConfig: row.notifyConfig,
    labels: row.labels,
    runbookUrl: row.runbookUrl,
    slo: row.slo,
  }
}

export function toRuleColumns({ metric, forMinutes, ...rule }: Rule) {
  return { ...rule, metricType: metric, sustainedMinutes: forMinutes }
}
