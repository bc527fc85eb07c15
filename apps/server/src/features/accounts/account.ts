import type { AccountAuth, AccountStatus, OAuthGrant, Protocol, Provider } from '@turnpike/core/words'
import type { accounts } from '@turnpike/db/schema'

/** An account as the API shows it: configuration, state, and what the gateway knows of it at this moment. */
export interface Account {
  id: number
  name: string
  provider: Provider
  baseUrl: string
  protocol: Protocol
  auth: AccountAuth
  secretLast4: string
  /** Auth `oauth2`: how tokens are fetched; `expiresAt` is that of the token in hand. */
  oauth: AccountOAuth | null
  /** Names only: values are never shown. */
  extraHeaderNames: string[]
  forwardOrganization: boolean
  /** Host and port; null = reached directly. */
  proxyHost: string | null
  affinityDomain: string | null
  priority: number
  weight: number
  concurrency: number
  modelMapping: Record<string, string>
  models: string[]
  /** The list follows the upstream's; false = it was entered by hand, or is not known. */
  modelsDiscovered: boolean
  groupIds: number[]
  /** Of the groups in which it does not have its general priority. */
  groupPriorities: { groupId: number; priority: number }[]
  healthCheck: { minutes: number | null; recovers: boolean; lastAt: string | null }
  schedulable: boolean
  status: AccountStatus
  statusReason: string | null
  coolingUntil: string | null
  coolingReason: string | null
  modelCooling: { model: string; until: string; reason: string }[]
  inFlight: number
  waiting: number
  lastUsedAt: string | null
  expiresAt: string | null
}

export interface AccountOAuth {
  grant: OAuthGrant
  tokenUrl: string
  clientId: string
  scope: string | null
  expiresAt: string | null
}

/** What only the running gateway knows of an account. */
export interface AccountRuntime {
  view(accountId: number): AccountView
  /** Forgets cooling, breaker and back-off. */
  clear(accountId: number): Promise<void>
}

export interface AccountView {
  inFlight: number
  waiting: number
  coolingUntilMs: number | null
  coolingReason: string | null
  modelCooling: { model: string; untilMs: number; reason: string }[]
  lastUsedAtMs: number | null
}

export type AccountRow = typeof accounts.$inferSelect

/** An account's row with the groups it serves, and the names of its sealed headers. */
export interface StoredAccount {
  row: AccountRow
  groupIds: number[]
  groupPriorities: { groupId: number; priority: number }[]
  extraHeaderNames: string[]
}

/** The row and the runtime's view as one; cooling that has passed is none. */
export function toAccount(stored: StoredAccount, view: AccountView, nowMs: number): Account {
  const { row, groupIds, groupPriorities, extraHeaderNames } = stored
  const coolingMs = Math.max(view.coolingUntilMs ?? 0, row.coolingUntil?.getTime() ?? 0)
  const isCooling = coolingMs > nowMs
  const lastUsedMs = Math.max(view.lastUsedAtMs ?? 0, row.lastUsedAt?.getTime() ?? 0)
  return {
    id: row.id,
    name: row.name,
    provider: row.provider,
    baseUrl: row.baseUrl,
    protocol: row.protocol,
    auth: row.auth,
    secretLast4: row.secretLast4,
    oauth: oauthOf(row),
    extraHeaderNames,
    forwardOrganization: row.forwardOrganization,
    proxyHost: row.proxyHost,
    affinityDomain: row.affinityDomain,
    priority: row.priority,
    weight: row.weight,
    concurrency: row.concurrency,
    modelMapping: row.modelMapping,
    models: row.models ?? [],
    modelsDiscovered: row.modelsDiscovered,
    groupIds,
    groupPriorities,
    healthCheck: {
      minutes: row.healthCheckMinutes,
      recovers: row.healthCheckRecovers,
      lastAt: row.healthCheckedAt?.toISOString() ?? null,
    },
    schedulable: row.schedulable,
    status: row.status,
    statusReason: row.statusReason,
    coolingUntil: isCooling ? iso(coolingMs) : null,
    coolingReason: isCooling ? (view.coolingReason ?? row.coolingReason) : null,
    modelCooling: modelCooling(row, view, nowMs),
    inFlight: view.inFlight,
    waiting: view.waiting,
    lastUsedAt: lastUsedMs > 0 ? iso(lastUsedMs) : null,
    expiresAt: row.expiresAt?.toISOString() ?? null,
  }
}

function oauthOf(row: AccountRow): AccountOAuth | null {
  const { oauthGrant: grant, oauthTokenUrl: tokenUrl, oauthClientId: clientId, oauthScope: scope } = row
  if (row.auth !== 'oauth2' || grant === null || tokenUrl === null || clientId === null) return null
  return { grant, tokenUrl, clientId, scope, expiresAt: row.oauthAccessExpiresAt?.toISOString() ?? null }
}

function modelCooling(row: AccountRow, view: AccountView, nowMs: number): Account['modelCooling'] {
  const stored = row.modelCooling.map(({ model, until, reason }) => ({ model, untilMs: Date.parse(until), reason }))
  const byModel = new Map([...stored, ...view.modelCooling].map((entry) => [entry.model, entry]))
  return [...byModel.values()]
    .filter(({ untilMs }) => untilMs > nowMs)
    .map(({ model, untilMs, reason }) => ({ model, until: iso(untilMs), reason }))
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
