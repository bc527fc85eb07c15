import type { Labels } from './notice.ts'
import type { DimensionFilter } from './rule.ts'

/** Whether rows of these values pass every filter; a dimension that is not known passes only `not`. */
export function passes(values: Readonly<Record<string, string | null>>, filters: readonly DimensionFilter[]): boolean {
  return filters.every(({ dimension, op, values: wanted }) => {
    const value = values[dimension] ?? null
    const isAmong = value !== null && wanted.includes(value)
    return op === 'not' ? !isAmong : isAmong
  })
}

/** The labels of the series that rows of these values belong to; null = to none, because a value is not known. */
export function labelsOf(values: Readonly<Record<string, string | null>>, groupBy: readonly string[]): Labels | null {
  const labels: Record<string, string> = {}
  for (const dimension of groupBy) {
    const value = values[dimension] ?? null
    if (value === null) return null
    labels[dimension] = value
  }
  return labels
}
