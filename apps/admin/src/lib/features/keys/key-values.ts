import type { RouterOutputs } from '@turnpike/client'
import type { keyCreate, keyUpdate } from '@turnpike/core/inputs/keys'
import type { z } from 'zod'
import { fromLocalInput, toLocalInput } from '#lib/format/time.ts'
import { changed } from '#lib/forms/changed.ts'
import { orNull, parseLines, parseWhole } from '#lib/forms/lines.ts'

export type Key = RouterOutputs['keys']['get']
export type IssuedKey = RouterOutputs['keys']['create']

/** A key as the form holds it: ids, numbers and lists as text. */
export interface KeyValues {
  name: string
  userId: string
  groupId: string
  isActive: boolean
  /** As a `datetime-local` field has it. */
  expiresAt: string
  concurrency: string
  requestsPerMinute: string
  tokensPerMinute: string
  spendTotal: string
  spendDay: string
  spendMonth: string
  models: string
  cidrs: string
}

export function valuesOfKey(key: Key | null): KeyValues {
  return {
    name: key?.name ?? '',
    userId: text(key?.userId),
    groupId: text(key?.groupId),
    isActive: key?.status !== 'disabled',
    expiresAt: toLocalInput(key?.expiresAt ?? null),
    concurrency: text(key?.concurrency ?? 0),
    requestsPerMinute: text(key?.requestsPerMinute),
    tokensPerMinute: text(key?.tokensPerMinute),
    spendTotal: key?.spendingLimits.total ?? '',
    spendDay: key?.spendingLimits.day ?? '',
    spendMonth: key?.spendingLimits.month ?? '',
    models: key?.models.join('\n') ?? '',
    cidrs: key?.cidrs.join('\n') ?? '',
  }
}

export function keyCreateInput(values: KeyValues): z.input<typeof keyCreate> {
  return { userId: parseWhole(values.userId, Number.NaN), ...members(values) }
}

/** Only what was changed since the form was opened; a key stays its user's. */
export function keyUpdateInput(key: Key, values: KeyValues): z.input<typeof keyUpdate> {
  const status = values.isActive ? ('active' as const) : ('disabled' as const)
  return {
    id: key.id,
    ...changed(members(valuesOfKey(key)), members(values)),
    ...(status === key.status ? {} : { status }),
  }
}

function members(values: KeyValues) {
  return {
    groupId: parseWhole(values.groupId, Number.NaN),
    name: values.name,
    expiresAt: fromLocalInput(values.expiresAt),
    concurrency: parseWhole(values.concurrency, 0),
    requestsPerMinute: parseWhole(values.requestsPerMinute, null),
    tokensPerMinute: parseWhole(values.tokensPerMinute, null),
    spendingLimits: {
      total: orNull(values.spendTotal),
      day: orNull(values.spendDay),
      month: orNull(values.spendMonth),
    },
    models: parseLines(values.models),
    cidrs: parseLines(values.cidrs),
  }
}

function text(value: number | null | undefined): string {
  return value === null || value === undefined ? '' : String(value)
}
