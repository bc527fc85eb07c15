import type { PriceList } from '@turnpike/core/billing/price'
import type { AccountHealth } from '@turnpike/core/gateway/account-state'
import type { InstructionsPolicy } from '@turnpike/core/gateway/instructions'
import type { AccountLive, Candidate, GroupPolicy } from '@turnpike/core/gateway/ports'
import type { Settings } from '@turnpike/core/inputs/settings'
import type { AccountStatus, GroupStatus, Protocol, Provider } from '@turnpike/core/words'

export interface GroupConfig extends GroupPolicy {
  name: string
  status: GroupStatus
  instructions: InstructionsPolicy
}

/** Which of an account's tokens, counted up by every refresh; null where there is none yet. */
export interface StoredToken {
  generation: number
  value: string | null
  expiresAtMs: number
}

export interface AccountConfig {
  id: number
  provider: Provider
  protocol: Protocol
  origin: string
  /** Path of the base URL; `/responses` and the like are appended to it. */
  basePath: string
  /** Credentials and extra headers as they go upstream. */
  headers: Readonly<Record<string, string>>
  /** Auth `oauth2`: the access token as it is stored, which goes upstream in place of a credential in `headers`; else null. */
  oauth: StoredToken | null
  /** A proxy's URL; null = reached directly. */
  proxy: string | null
  forwardOrganization: boolean
  priority: number
  weight: number
  concurrency: number
  modelMapping: Readonly<Record<string, string>>
  /** Null = unknown: where there is no mapping either, every model is served. */
  models: readonly string[] | null
  affinityDomain: string | null
  schedulable: boolean
  expiresAtMs: number
  status: AccountStatus
  /** Groups it serves; null = by its own priority. */
  groups: ReadonlyMap<number, number | null>
  /** As stored; only the first sight of an account counts, afterwards this process knows better. */
  health: AccountHealth
  lastUsedAtMs: number | null
}

/** What the request path knows of the configuration, as of one reading. */
export interface Config {
  groups: ReadonlyMap<number, GroupConfig>
  accounts: ReadonlyMap<number, AccountConfig>
  prices: PriceList
  settings: Settings
}

/** The upstream's name of a model on this account; null = it does not serve it. Exact mapping before `*`, mapping before list. */
export function upstreamModelOf({ modelMapping, models }: AccountConfig, model: string): string | null {
  const exact = Object.hasOwn(modelMapping, model) ? modelMapping[model] : undefined
  if (exact !== undefined) return exact
  if (models?.includes(model)) return model
  const any = modelMapping['*']
  if (any !== undefined) return any === '*' ? model : any
  return models === null && Object.keys(modelMapping).length === 0 ? model : null
}

export interface ConfiguredGrant extends StoredToken {
  id: number
  /** Whether requests may need its token. */
  isInUse: boolean
}

/** Accounts that are spoken to under access tokens. */
export function grantsOf({ accounts }: Config): ConfiguredGrant[] {
  return [...accounts.values()].flatMap(({ id, oauth, status }) =>
    oauth === null ? [] : [{ id, isInUse: status === 'active', ...oauth }],
  )
}

/** Accounts of the group that serve the model, by priority, then id. Blocked ones are listed too, with their reason. */
export function candidatesFor(
  config: Config,
  groupId: number,
  model: string,
  liveOf: (account: AccountConfig) => AccountLive,
  nowMs: number,
): Candidate[] {
  const isBilled = (config.groups.get(groupId)?.billing ?? 'none') !== 'none'
  const candidates: Candidate[] = []
  for (const account of config.accounts.values()) {
    const ownPriority = account.groups.get(groupId)
    if (ownPriority === undefined) continue
    const upstreamModel = upstreamModelOf(account, model)
    if (upstreamModel === null) continue
    candidates.push({
      accountId: account.id,
      provider: account.provider,
      protocol: account.protocol,
      upstreamModel,
      priority: ownPriority ?? account.priority,
      weight: account.weight,
      concurrency: account.concurrency,
      blocked: blockedReason(account) ?? (isBilled ? unpricedReason(config, account, upstreamModel, nowMs) : null),
      expiresAtMs: account.expiresAtMs,
      affinityDomain: account.affinityDomain,
      live: liveOf(account),
    })
  }
  return candidates.sort((a, b) => a.priority - b.priority || a.accountId - b.accountId)
}

/** Ids that `GET /v1/models` lists: what is mapped by name or stored, without wildcards, within what group and key may use. */
export function listedModels(config: Config, groupId: number, allowed: readonly (readonly string[])[]): string[] {
  const ids = new Set<string>()
  for (const account of config.accounts.values()) {
    if (!account.groups.has(groupId) || account.status === 'disabled') continue
    for (const id of [...Object.keys(account.modelMapping), ...(account.models ?? [])]) {
      if (!id.includes('*')) ids.add(id)
    }
  }
  return [...ids].filter((id) => allowed.every((models) => models.length === 0 || models.includes(id))).sort()
}

/** Under balance and subscription billing nobody may use what has no price. */
function unpricedReason({ prices }: Config, { provider }: AccountConfig, model: string, nowMs: number): string | null {
  return prices.priceOf(model, provider, nowMs) === null ? 'not_priced' : null
}

function blockedReason({ status, schedulable }: AccountConfig): string | null {
  if (status !== 'active') return status
  return schedulable ? null : 'unschedulable'
}
