import type { AccountCreate, AccountEvents, AccountList, AccountUpdate } from '@turnpike/core/inputs/accounts'
import { defaultBaseUrl, normaliseBaseUrl } from '@turnpike/core/inputs/base-url'
import type { Provider } from '@turnpike/core/words'
import { openAccountSecret, openAccountText, openExtraHeaders } from '../../shared/account-secrets.ts'
import { AppError } from '../../shared/app-error.ts'
import type { Actor } from '../../shared/audit.ts'
import { within } from '../../shared/deadline.ts'
import type { Page } from '../../shared/keyset.ts'
import type { SecretBox } from '../../shared/secret-box.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import { type Account, type AccountRow, type AccountRuntime, type StoredAccount, toAccount } from './account.ts'
import type { Egress, Probe, ProbeResult, ProbeTarget } from './probe.ts'
import type { AccountEventRow, AccountStore } from './store.ts'

const DISCOVERY_MS = 3_000
const TEST_STEP_MS = 10_000

/** Access tokens of `oauth2` accounts. */
export interface AccountTokens {
  /** A valid one, newer than `olderThan`. */
  fresh(accountId: number, olderThan: number): Promise<{ value: string }>
}

interface AccountsOptions {
  store: AccountStore
  probe: Probe
  egress: Egress
  runtime: AccountRuntime
  tokens: AccountTokens
  box: SecretBox
  clock: WallClock
  /** Where the built-in sandbox listens; null = it does not run. */
  sandboxBaseUrl(): string | null
}

export type Accounts = ReturnType<typeof createAccounts>

/** Upstream accounts: what is stored, what the gateway knows of them now, and how their upstreams answer. */
export function createAccounts({ store, probe, egress, runtime, tokens, box, clock, sandboxBaseUrl }: AccountsOptions) {
  async function list(input: AccountList): Promise<Page<Account>> {
    const { items, nextCursor } = await store.list(input)
    return { items: items.map(show), nextCursor }
  }

  async function get(id: number): Promise<Account> {
    return show(await store.get(id))
  }

  async function create(input: AccountCreate, actor: Actor): Promise<Account> {
    const address = input.baseUrl ?? defaultBaseUrl(input.provider) ?? sandboxAddress(input.provider)
    const baseUrl = await checkedBaseUrl(input.provider, address)
    await checkWays(input)
    const stored = await store.create({ ...input, baseUrl }, actor)
    if (stored.row.models !== null) return show(stored)
    await discoverModels(stored.row)
    return get(stored.row.id)
  }

  async function update(input: AccountUpdate, actor: Actor): Promise<Account> {
    await checkWays(input)
    if (input.baseUrl === undefined) return show(await store.update(input, actor))
    const { row } = await store.get(input.id)
    return show(await store.update({ ...input, baseUrl: await checkedBaseUrl(row.provider, input.baseUrl) }, actor))
  }

  async function archive(id: number, actor: Actor): Promise<Account> {
    return show(await store.archive(id, actor))
  }

  async function setSchedulable(id: number, schedulable: boolean, actor: Actor): Promise<Account> {
    return show(await store.update({ id, schedulable }, actor, 'accounts.setSchedulable'))
  }

  async function clearState(id: number, actor: Actor): Promise<Account> {
    await store.clearState(id, actor)
    await runtime.clear(id)
    return get(id)
  }

  async function events(input: AccountEvents): Promise<Page<AccountEvent>> {
    const { items, nextCursor } = await store.events(input)
    return { items: items.map(toEvent), nextCursor }
  }

  /** What the upstream lists now; null where it gives no list. */
  async function models(id: number): Promise<{ models: string[] | null }> {
    const target = await targetOf((await store.get(id)).row).catch(() => null)
    return { models: target && (await probe.listModels(target, TEST_STEP_MS)) }
  }

  /** The upstream's model list, then one token of `model` or of the first model the account is known to serve. */
  async function test(id: number, requested?: string): Promise<ProbeResult> {
    const { row } = await store.get(id)
    const startedMs = clock.now()
    const failed = (reason: string): ProbeResult => {
      return { ok: false, statusClass: 'none', latencyMs: clock.now() - startedMs, reason }
    }
    const target = await targetOf(row).catch(() => null)
    if (target === null) return failed('no_credentials')
    const listed = await probe.listModels(target, TEST_STEP_MS)
    if (listed) await store.learnModels(id, listed)
    const model = upstreamModel(row, requested ?? row.models?.[0] ?? listed?.[0])
    return model === undefined ? failed('no_model_known') : probe.oneToken(target, model, TEST_STEP_MS)
  }

  async function discoverModels(row: AccountRow): Promise<void> {
    const target = await within(DISCOVERY_MS, targetOf(row)).catch(() => null)
    const listed = target && (await probe.listModels(target, DISCOVERY_MS))
    if (listed) await store.learnModels(row.id, listed)
  }

  /** Where tokens come from, and the way out, are judged as the address itself is. */
  async function checkWays({ oauth, proxy }: Pick<AccountUpdate, 'oauth' | 'proxy'>): Promise<void> {
    if (oauth) await judged('oauth.tokenUrl', egress.checkUrl(oauth.tokenUrl))
    if (proxy) await judged('proxy', egress.checkProxy(proxy))
  }

  async function checkedBaseUrl(provider: Provider, address: string | null): Promise<string> {
    const baseUrl = address === null ? null : normaliseBaseUrl(provider, address)
    if (baseUrl === null) throw new AppError('invalid_input', { field: 'baseUrl' })
    await judged('baseUrl', egress.checkUrl(baseUrl))
    return baseUrl
  }

  function sandboxAddress(provider: Provider): string | null {
    return provider === 'sandbox' ? sandboxBaseUrl() : null
  }

  /** Rejects where its secret does not open, or it gets no access token. */
  async function targetOf(row: AccountRow): Promise<ProbeTarget> {
    const { provider, protocol, baseUrl } = row
    return {
      provider,
      protocol,
      baseUrl,
      headers: { ...openExtraHeaders(box, row), ...(await credentialsOf(row)) },
      proxy: openAccountText(box, row.id, 'proxy_sealed', row.proxySealed),
    }
  }

  async function credentialsOf(row: AccountRow): Promise<Record<string, string>> {
    if (row.auth === 'oauth2') return { authorization: `Bearer ${(await tokens.fresh(row.id, -1)).value}` }
    const secret = openAccountSecret(box, row)
    return row.provider === 'azure-openai' ? { 'api-key': secret } : { authorization: `Bearer ${secret}` }
  }

  function show(stored: StoredAccount): Account {
    return toAccount(stored, runtime.view(stored.row.id), clock.now())
  }

  return { list, get, create, update, archive, setSchedulable, clearState, events, models, test }
}

/** A change of an account's state, or the result of a health check. */
export interface AccountEvent {
  id: number
  at: string
  kind: string
  fromState: string | null
  toState: string | null
  reason: string | null
  model: string | null
  until: string | null
  requestId: string | null
}

function toEvent({ accountId: _account, at, until, ...event }: AccountEventRow): AccountEvent {
  return { ...event, at: at.toISOString(), until: until?.toISOString() ?? null }
}

async function judged(field: string, check: Promise<void>): Promise<void> {
  try {
    await check
  } catch (cause) {
    throw new AppError('unsafe_destination', { field, cause })
  }
}

// Without a model to ask for, any that is mapped to will do.
function upstreamModel({ modelMapping, models }: AccountRow, model: string | undefined): string | undefined {
  const anyModel = modelMapping['*']
  if (model === undefined) return Object.values(modelMapping).find((target) => target !== '*')
  if (Object.hasOwn(modelMapping, model)) return modelMapping[model]
  if (anyModel === undefined || anyModel === '*' || models?.includes(model)) return model
  return anyModel
}
