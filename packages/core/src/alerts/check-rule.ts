import type { z } from 'zod'
import type { AlertAggregation, AlertOperator } from '../ops/words.ts'
import { type AlertDimension, type AlertMetric, mayEqual, termsOf } from './metrics.ts'

/** What of a rule must fit together. */
interface Checked {
  metric: AlertMetric
  aggregation: AlertAggregation
  operator: AlertOperator
  threshold: number
  recoveryThreshold: number
  groupBy: readonly AlertDimension[]
  dimensionFilters: readonly { dimension: AlertDimension }[]
}

/** Refuses what could never be true, or never end, and names the field at fault. */
export function checkRule(rule: Checked, context: z.core.$RefinementCtx<Checked>): void {
  for (const { field, message } of faultsOf(rule)) context.addIssue({ code: 'custom', path: [field], message })
}

function faultsOf(rule: Checked): { field: keyof Checked; message: string }[] {
  const { metric, aggregation, operator, threshold, recoveryThreshold } = rule
  const { aggregations, min, max } = termsOf(metric)
  const faults: { field: keyof Checked; message: string }[] = []
  const refuse = (field: keyof Checked, message: string) => faults.push({ field, message })

  if (!aggregations.includes(aggregation)) refuse('aggregation', `must be one of ${aggregations.join(', ')}`)
  if (operator === '==' && !mayEqual(metric, aggregation)) refuse('operator', 'equality is for counts')
  if (threshold < min || threshold > max) refuse('threshold', `must be between ${min} and ${max}`)
  if (recoveryThreshold < min || recoveryThreshold > max)
    refuse('recoveryThreshold', `must be between ${min} and ${max}`)
  if (!isOnGoodSide(operator, threshold, recoveryThreshold)) {
    refuse('recoveryThreshold', 'must be on the good side of the threshold, or equal to it')
  }
  for (const field of ['groupBy', 'dimensionFilters'] as const) {
    const message = dimensionFault(rule, field)
    if (message !== null) refuse(field, message)
  }
  return faults
}

function isOnGoodSide(operator: AlertOperator, threshold: number, recovery: number): boolean {
  if (operator === '==') return recovery === threshold
  return operator === '>' || operator === '>=' ? recovery <= threshold : recovery >= threshold
}

/** Stored rows tell of tuples, of users or of keys: a user or a key stands alone. */
function dimensionFault({ metric, groupBy, dimensionFilters }: Checked, field: 'groupBy' | 'dimensionFilters') {
  const allowed = termsOf(metric).dimensions
  const grouped = [...groupBy]
  const filtered = dimensionFilters.map(({ dimension }) => dimension)
  const own = field === 'groupBy' ? grouped : filtered
  if (new Set(own).size < own.length) return 'names a dimension twice'
  if (own.some((dimension) => !allowed.includes(dimension))) return 'this metric is not told apart by that'
  const used = new Set([...grouped, ...filtered])
  const isPersonal = used.has('user') || used.has('key')
  if (own.length > 0 && isPersonal && used.size > 1) return 'a user or a key stands alone'
  return null
}
