import {
  type AccountHealth,
  applyAccountEvent,
  type HealthChange,
  newAccountHealth,
} from '@turnpike/core/gateway/account-state'
import { adoptHealth } from '@turnpike/core/gateway/adopt-health'
import type { AccountBook, AccountLive, Candidate } from '@turnpike/core/gateway/ports'
import { type AccountConfig, type Config, candidatesFor } from '../config/config.ts'
import type { Binding, SessionBindings } from './session-bindings.ts'

/** Candidate lists kept, one per group and model: model names come from callers. */
const MAX_CANDIDATE_LISTS = 2_000
/** Weight of a new time to first token in the moving average. */
const TTFT_WEIGHT = 0.2

export interface LiveAccounts extends AccountBook {
  live(accountId: number): AccountLive | undefined
  /** What `boundAccount` and `servingAccount` would tell, with nothing renewed. */
  lookAtSession(sessionKey: string): Promise<{ boundTo: number | null; servedBy: number | null }>
  lastUsedAtMs(accountId: number): number | null
  /** Forgets what was learnt of an account; an `error` stays for the database to lift. */
  clear(accountId: number): void
  /** Takes over what another instance learnt. */
  adopt(accountId: number, learnt: LearntElsewhere): void
  /** The configuration changed. */
  refresh(): void
  /** Accounts that could take a request now / that exist. */
  counts(): { available: number; total: number }
  /** The same of each group that has accounts, by its id. */
  countsByGroup(): Record<string, [available: number, total: number]>
}

export interface LearntElsewhere {
  health: AccountHealth
  /** Null = as it is stored. */
  change: HealthChange['kind'] | null
  status: HealthChange['status']
}

interface AccountBookOptions {
  config: () => Config
  sessions: SessionBindings
  now: () => number
  /** Hears of changes to store; `accountId` was used now where `change` is null. */
  onChange(accountId: number, change: HealthChange | null, live: AccountLive): void
  /** An error of the account was learnt and is not stored yet: the configuration cannot tell of it. */
  hasUnstoredError(accountId: number): boolean
}

/** What this process knows of the accounts: load, health, speed, sessions. Survives every reading of the configuration. */
export function createAccountBook({
  config,
  sessions,
  now,
  onChange,
  hasUnstoredError,
}: AccountBookOptions): LiveAccounts {
  const lives = new Map<number, AccountLive>()
  const lastUsed = new Map<number, number>()
  const lists = new Map<number, Map<string, Candidate[]>>()
  let listCount = 0

  function liveOf(account: AccountConfig): AccountLive {
    let live = lives.get(account.id)
    if (live === undefined) {
      live = { inFlight: 0, waiting: 0, ttftMs: null, health: account.health }
      lives.set(account.id, live)
    }
    return live
  }

  function isAvailable(account: AccountConfig): boolean {
    const { health } = liveOf(account)
    const isUp = account.status === 'active' && account.schedulable && account.expiresAtMs > now()
    return isUp && health.coolingUntilMs <= now() && health.breaker.openUntilMs <= now()
  }

  function refresh(): void {
    lists.clear()
    listCount = 0
    const { accounts } = config()
    for (const [id, live] of lives) {
      if (!accounts.has(id) && live.inFlight === 0 && live.waiting === 0) lives.delete(id)
    }
  }

  function candidates(groupId: number, model: string): readonly Candidate[] {
    const known = lists.get(groupId)?.get(model)
    if (known !== undefined) return known
    const found = candidatesFor(config(), groupId, model, liveOf, now())
    for (const candidate of found) if (hasUnstoredError(candidate.accountId)) candidate.blocked ??= 'error'
    if (found.length > 0) remember(groupId, model, found)
    return found
  }

  function remember(groupId: number, model: string, found: Candidate[]): void {
    if (listCount >= MAX_CANDIDATE_LISTS) {
      lists.clear()
      listCount = 0
    }
    const models = lists.get(groupId) ?? new Map<string, Candidate[]>()
    lists.set(groupId, models.set(model, found))
    listCount++
  }

  function report(candidate: Candidate, event: Parameters<AccountBook['report']>[1]): void {
    const { accountId, live, upstreamModel } = candidate
    const nowMs = now()
    lastUsed.set(accountId, nowMs)
    const change = applyAccountEvent(live.health, event, { model: upstreamModel, nowMs })
    if (change?.status) block(accountId, change.status)
    onChange(accountId, change, live)
  }

  /** An account that cools or fails loses its sessions, also those it gets back to serve. */
  function isStillBound({ accountId, boundAtMs }: Binding): boolean {
    return boundAtMs > (lives.get(accountId)?.health.unboundAtMs ?? 0)
  }

  /** Takes effect at once; the configuration says the same as soon as the change is stored and read. */
  function block(accountId: number, status: string): void {
    for (const models of lists.values()) {
      for (const list of models.values()) {
        for (const candidate of list) if (candidate.accountId === accountId) candidate.blocked = status
      }
    }
  }

  return {
    candidates,
    report,
    probe({ live }) {
      if (live.health.breaker.opened > 0) live.health.breaker.probing = true
    },
    observeTtft({ live }, ttftMs) {
      live.ttftMs = live.ttftMs === null ? ttftMs : live.ttftMs + TTFT_WEIGHT * (ttftMs - live.ttftMs)
    },
    foreseeSession: sessions.foresee,
    boundAccount(sessionKey) {
      const binding = sessions.bound(sessionKey)
      return binding !== null && isStillBound(binding) ? binding.accountId : null
    },
    servingAccount: (sessionKey) => sessions.bound(sessionKey)?.accountId ?? null,
    async lookAtSession(sessionKey) {
      const binding = await sessions.look(sessionKey)
      if (binding === null) return { boundTo: null, servedBy: null }
      return { boundTo: isStillBound(binding) ? binding.accountId : null, servedBy: binding.accountId }
    },
    bind(sessionKey, accountId) {
      const known = sessions.bound(sessionKey)
      const isKept = known?.accountId === accountId && isStillBound(known)
      sessions.bind(sessionKey, isKept ? known : { accountId, boundAtMs: now() })
    },
    adopt(accountId, { health, change, status }) {
      const account = config().accounts.get(accountId)
      if (account === undefined) return
      adoptHealth(liveOf(account).health, health, { change, nowMs: now() })
      if (status !== null) block(accountId, status)
    },
    live: (accountId) => lives.get(accountId),
    lastUsedAtMs: (accountId) => lastUsed.get(accountId) ?? null,
    clear(accountId) {
      const live = lives.get(accountId)
      if (live) live.health = newAccountHealth()
      refresh()
    },
    refresh,
    counts() {
      const { accounts } = config()
      const available = [...accounts.values()].filter(isAvailable).length
      return { available, total: accounts.size }
    },
    countsByGroup() {
      const counts: Record<string, [available: number, total: number]> = {}
      for (const account of config().accounts.values()) {
        for (const groupId of account.groups.keys()) {
          const [available, total] = counts[groupId] ?? [0, 0]
          counts[groupId] = [available + (isAvailable(account) ? 1 : 0), total + 1]
        }
      }
      return counts
    },
  }
}
