import type { myKeyCreate } from '@turnpike/core/inputs/my'
import type { z } from 'zod'
import { fromLocalInput } from '#lib/format/time.ts'
import { orNull, parseLines, parseWhole } from '#lib/forms/lines.ts'

/** A key of one's own as the form holds it. */
export interface OwnKeyValues {
  name: string
  groupId: string
  /** As a `datetime-local` field has it. */
  expiresAt: string
  concurrency: string
  spendTotal: string
  spendDay: string
  spendMonth: string
  models: string
}

/** With one group to choose from there is nothing to choose. */
export function newOwnKey(groups: readonly { id: number }[]): OwnKeyValues {
  const [only] = groups
  return {
    name: '',
    groupId: only && groups.length === 1 ? String(only.id) : '',
    expiresAt: '',
    concurrency: '0',
    spendTotal: '',
    spendDay: '',
    spendMonth: '',
    models: '',
  }
}

export function ownKeyInput(values: OwnKeyValues): z.input<typeof myKeyCreate> {
  return {
    name: values.name,
    groupId: parseWhole(values.groupId, Number.NaN),
    expiresAt: fromLocalInput(values.expiresAt),
    concurrency: parseWhole(values.concurrency, 0),
    spendingLimits: {
      total: orNull(values.spendTotal),
      day: orNull(values.spendDay),
      month: orNull(values.spendMonth),
    },
    models: parseLines(values.models),
  }
}
