import type { accountCreate, accountUpdate } from '@turnpike/core/inputs/accounts'
import type { AccountAuth, OAuthGrant, Protocol, Provider } from '@turnpike/core/words'
import type { z } from 'zod'
import { fromLocalInput, toLocalInput } from '#lib/format/time.ts'
import { changed } from '#lib/forms/changed.ts'
import { orNull, parseLines, parseWhole } from '#lib/forms/lines.ts'
import { type HeaderRow, headersOf, prioritiesOf, priorityTexts } from './account-extras.ts'
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
  auth: AccountAuth
  grant: OAuthGrant
  tokenUrl: string
  clientId: string
  scope: string
  refreshToken: string
  /** Of the proxy only the host is known: the address is typed anew, or the one that is stored stays. */
  keepsProxy: boolean
  proxy: string
  healthMinutes: string
  healthRecovers: boolean
  affinityDomain: string
  forwardOrganization: boolean
  /** Of the headers only the names are known: the whole set is typed anew, or the one that is stored stays. */
  keepsHeaders: boolean
  headers: HeaderRow[]
  /** By the group's id; empty or missing = the account's own priority. */
  groupPriorities: Record<string, string>
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
    auth: account?.auth ?? 'api_key',
    grant: account?.oauth?.grant ?? 'client_credentials',
    tokenUrl: account?.oauth?.tokenUrl ?? '',
    clientId: account?.oauth?.clientId ?? '',
    scope: account?.oauth?.scope ?? '',
    refreshToken: '',
    keepsProxy: (account?.proxyHost ?? null) !== null,
    proxy: '',
    healthMinutes: String(account?.healthCheck.minutes ?? ''),
    healthRecovers: account?.healthCheck.recovers ?? false,
    affinityDomain: account?.affinityDomain ?? '',
    forwardOrganization: account?.forwardOrganization ?? false,
    keepsHeaders: (account?.extraHeaderNames.length ?? 0) > 0,
    headers: [],
    groupPriorities: priorityTexts(account?.groupPriorities ?? []),
  }
}

/** No model list = the upstream is asked for it; no address = the provider's own. */
export function accountCreateInput(values: AccountValues): z.input<typeof accountCreate> {
  const { baseUrl, models, ...rest } = members(values)
  return {
    ...rest,
    provider: values.provider,
    auth: values.auth,
    ...(values.secret === '' && values.auth === 'oauth2' ? {} : { secret: values.secret }),
    ...(values.auth === 'oauth2' ? { oauth: oauthOf(values) } : {}),
    proxy: orNull(values.proxy),
    extraHeaders: headersOf(values.headers),
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
    ...oauthChange(account, values),
    ...proxyChange(account, values),
    ...headersChange(account, values),
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

/** How tokens are fetched is sent as a whole, once any of it was changed. */
function oauthChange(account: Account, values: AccountValues): { oauth?: ReturnType<typeof oauthOf> } {
  if (account.auth !== 'oauth2') return {}
  const next = oauthOf(values)
  return JSON.stringify(next) === JSON.stringify(oauthOf(valuesOfAccount(account))) ? {} : { oauth: next }
}

function proxyChange(account: Account, values: AccountValues): { proxy?: string | null } {
  if (values.keepsProxy) return {}
  const proxy = orNull(values.proxy)
  return proxy === null && account.proxyHost === null ? {} : { proxy }
}

function headersChange(account: Account, values: AccountValues): { extraHeaders?: Record<string, string> } {
  if (values.keepsHeaders) return {}
  const extraHeaders = headersOf(values.headers)
  return Object.keys(extraHeaders).length === 0 && account.extraHeaderNames.length === 0 ? {} : { extraHeaders }
}

/** A refresh token that was not typed stays what it is. */
function oauthOf({ grant, tokenUrl, clientId, scope, refreshToken }: AccountValues) {
  const typed = grant === 'refresh_token' && refreshToken !== '' ? { refreshToken } : {}
  return { grant, tokenUrl: tokenUrl.trim(), clientId: clientId.trim(), scope: orNull(scope), ...typed }
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
    groupPriorities: prioritiesOf(values.groupPriorities, values.groupIds),
    schedulable: values.schedulable,
    expiresAt: fromLocalInput(values.expiresAt),
    healthCheck: { minutes: parseWhole(values.healthMinutes, null), recovers: values.healthRecovers },
    affinityDomain: orNull(values.affinityDomain),
    forwardOrganization: values.forwardOrganization,
  }
}
