import type { accountCreate, accountUpdate } from '@turnpike/core/inputs/accounts'
import type { Protocol, Provider } from '@turnpike/core/words'
import type { z } from 'zod'
import { fromLocalInput, toLocalInput } from '#lib/format/time.ts'
import { changed } from '#lib/forms/changed.ts'
import { parseLines, parseWhole } from '#lib/forms/lines.ts'
import type { Account } from './account-state.ts'

export interface MappingRow {
  from: string
  to: string
}

/** An account as the form holds it: numbers and lists as text. */
export interface AccountValues {
  name: string
  provider: Provider
  baseUrl: string
  secret: string
  protocol: Protocol
  priority: string
  weight: string
  concurrency: string
  models: string
  mapping: MappingRow[]
  groupIds: number[]
  schedulable: boolean
  isActive: boolean
  /** As a `datetime-local` field has it. */
  expiresAt: string
}

export function valuesOfAccount(account: Account | null): AccountValues {
  return {
    name: account?.name ?? '',
    provider: account?.provider ?? 'openai',
    baseUrl: account?.baseUrl ?? '',
    secret: '',
    protocol: account?.protocol ?? 'responses+chat',
    priority: String(account?.priority ?? 50),
    weight: String(account?.weight ?? 1),
    concurrency: String(account?.concurrency ?? 3),
    models: account?.models.join('\n') ?? '',
    mapping: Object.entries(account?.modelMapping ?? {}).map(([from, to]) => ({ from, to })),
    groupIds: account?.groupIds ?? [],
    schedulable: account?.schedulable ?? true,
    isActive: account?.status !== 'disabled',
    expiresAt: toLocalInput(account?.expiresAt ?? null),
  }
}

/** No model list = the upstream is asked for it; no address = the provider's own. */
export function accountCreateInput(values: AccountValues): z.input<typeof accountCreate> {
  const { baseUrl, models, ...rest } = members(values)
  return {
    ...rest,
    provider: values.provider,
    secret: values.secret,
    ...(baseUrl === '' ? {} : { baseUrl }),
    ...(models.length === 0 ? {} : { models }),
  }
}

/** Only what was changed since the form was opened; an empty secret keeps the old one. */
export function accountUpdateInput(account: Account, values: AccountValues): z.input<typeof accountUpdate> {
  const status = values.isActive ? ('active' as const) : ('disabled' as const)
  const wasActive = account.status !== 'disabled'
  return {
    id: account.id,
    ...changed(members(valuesOfAccount(account)), members(values)),
    ...(values.secret === '' ? {} : { secret: values.secret }),
    // An account in error stays so until its state is cleared: only a switch that was moved is sent.
    ...(values.isActive === wasActive ? {} : { status }),
  }
}

/** Rows left wholly empty are none; of two for one model the last one counts. */
export function mappingOf(rows: readonly MappingRow[]): Record<string, string> {
  const filled = rows
    .map(({ from, to }) => ({ from: from.trim(), to: to.trim() }))
    .filter(({ from, to }) => from !== '' || to !== '')
  return Object.fromEntries(filled.map(({ from, to }) => [from, to]))
}

/** Models that more than one row names. */
export function doubledModels(rows: readonly MappingRow[]): string[] {
  const names = rows.map(({ from }) => from.trim()).filter((from) => from !== '')
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))]
}

function members(values: AccountValues) {
  return {
    name: values.name,
    baseUrl: values.baseUrl.trim(),
    protocol: values.protocol,
    priority: parseWhole(values.priority, Number.NaN),
    weight: parseWhole(values.weight, Number.NaN),
    concurrency: parseWhole(values.concurrency, Number.NaN),
    models: parseLines(values.models),
    modelMapping: mappingOf(values.mapping),
    groupIds: values.groupIds,
    schedulable: values.schedulable,
    expiresAt: fromLocalInput(values.expiresAt),
  }
}
