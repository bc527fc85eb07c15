import type { RouterOutputs } from '@turnpike/client'
import type { redeemGenerate } from '@turnpike/core/inputs/redeem'
import type { RedeemKind } from '@turnpike/core/words'
import type { z } from 'zod'
import { fromLocalInput } from '#lib/format/time.ts'
import { parseWhole } from '#lib/forms/lines.ts'

export type RedeemCode = RouterOutputs['redeem']['list']['items'][number]
export type GeneratedCodes = RouterOutputs['redeem']['generate']

/** New codes as the form holds them. */
export interface RedeemValues {
  kind: RedeemKind
  amount: string
  groupId: string
  days: string
  count: string
  /** As a `datetime-local` field has it. */
  expiresAt: string
  notes: string
}

export const NEW_CODES: RedeemValues = {
  kind: 'balance',
  amount: '',
  groupId: '',
  days: '30',
  count: '1',
  expiresAt: '',
  notes: '',
}

/** Only what belongs to the kind. */
export function redeemInput(values: RedeemValues): z.input<typeof redeemGenerate> {
  const common = {
    count: parseWhole(values.count, Number.NaN),
    expiresAt: fromLocalInput(values.expiresAt),
    notes: values.notes,
  }
  if (values.kind === 'balance') return { kind: 'balance', amount: values.amount.trim(), ...common }
  return {
    kind: 'subscription',
    groupId: parseWhole(values.groupId, Number.NaN),
    days: parseWhole(values.days, Number.NaN),
    ...common,
  }
}
