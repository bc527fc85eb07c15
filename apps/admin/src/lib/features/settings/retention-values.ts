import type { RouterInputs, RouterOutputs } from '@turnpike/client'
import { parseWhole } from '#lib/forms/lines.ts'

export type TableStorage = RouterOutputs['ops']['storage']['tables'][number]

/** How long a table is kept, as the form holds it. */
export interface RetentionValues {
  isForEver: boolean
  days: string
  enabled: boolean
}

/** Where nothing was said a month is offered. */
const OFFERED_DAYS = '30'

export function valuesOfRetention({ days, enabled }: Pick<TableStorage, 'days' | 'enabled'>): RetentionValues {
  return { isForEver: days === null, days: days === null ? OFFERED_DAYS : String(days), enabled }
}

export function retentionInput(tableName: string, values: RetentionValues): RouterInputs['ops']['retention']['set'] {
  return {
    tableName,
    days: values.isForEver ? null : parseWhole(values.days, Number.NaN),
    enabled: values.enabled,
  }
}

/** The days after which the next clean-up removes rows that are kept today; null = it removes none that it would not anyway. */
export function daysCutTo(
  { days, enabled }: Pick<TableStorage, 'days' | 'enabled'>,
  values: RetentionValues,
): number | null {
  const next = values.isForEver ? null : parseWhole(values.days, null)
  if (next === null || Number.isNaN(next) || !values.enabled) return null
  return !enabled || days === null || next < days ? next : null
}
