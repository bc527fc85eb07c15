import type { AccountCreate, AccountList, AccountUpdate } from '@turnpike/core/inputs/accounts'
import { defaultBaseUrl, normaliseBaseUrl } from '@turnpike/core/inputs/base-url'
import type { Provider } from '@turnpike/core/words'
import { openAccountSecret, openExtraHeaders } from '../../shared/account-secrets.ts'
import { AppError } from '../../shared/app-error.ts'
import type { Page } from '../../shared/keyset.ts'
import type { SecretBox } from '../../shared/secret-box.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import { type Account, type AccountRow, type AccountRuntime, toAccount } from './account.ts'
import type { Egress, Probe, ProbeResult, ProbeTarget } from './probe.ts'
import type { AccountStore, StoredAccount } from './store.ts'

const DISCOVERY_MS = 3_000
const TEST_STEP_MS = 10_000

interface AccountsOptions {
  store: AccountStore
  probe: Probe
  egress: Egress
  runtime: AccountRuntime
  box: SecretBox
  clock: WallClock
  /** Where the built-in sandbox listens; null = it does not run. */
  sandboxBaseUrl(): string | null
}

export type Accounts = ReturnType<typeof createAccounts>

/** Upstream accounts: what is stored, what the gateway knows of them now, and how their upstreams answer. */
export function createAccounts({ store, probe, egress, runtime, box, clock, sandboxBaseUrl }: AccountsOptions) {
  async function list(input: AccountList): Promise<Page<Account>> {
    const { items, nextCursor } = await store.list(input)
    return { items: items.map(show), nextCursor }
  }

  async function get(id: number): Promise<Account> {
    return show(await store.get(id))
  }

  async function create(input: AccountCreate): Promise<Account> {
    const address = input.baseUrl ?? defaultBaseUrl(input.provider) ?? sandboxAddress(input.provider)
    const baseUrl = await checkedBaseUrl(input.provider, address)
    const stored = await store.create({ ...input, baseUrl })
    if (stored.row.models !== null) return show(stored)
    await discoverModels(stored.row)
    return get(stored.row.id)
  }

  async function update(input: AccountUpdate): Promise<Account> {
    if (input.baseUrl === undefined) return show(await store.update(input))
    const { row } = await store.get(input.id)
    return show(await store.update({ ...input, baseUrl: await checkedBaseUrl(row.provider, input.baseUrl) }))
  }

  async function archive(id: number): Promise<Account> {
    return show(await store.archive(id))
  }

  async function setSchedulable(id: number, schedulable: boolean): Promise<Account> {
    return show(await store.update({ id, schedulable }))
  }

  async function clearState(id: number): Promise<Account> {
    await store.clearState(id)
    await runtime.clear(id)
    return get(id)
  }

  /** The upstream's model list, then one token of `model` or of the first model the account is known to serve. */
  async function test(id: number, requested?: string): Promise<ProbeResult> {
    const { row } = await store.get(id)
    const startedMs = clock.now()
    const listed = await probe.listModels(targetOf(row), TEST_STEP_MS)
    if (listed) await store.learnModels(id, listed)
    const model = upstreamModel(row, requested ?? row.models?.[0] ?? listed?.[0])
    if (model === undefined) {
      return { ok: false, statusClass: 'none', latencyMs: clock.now() - startedMs, reason: 'no_model_known' }
    }
    return probe.oneToken(targetOf(row), model, TEST_STEP_MS)
  }

  async function discoverModels(row: AccountRow): Promise<void> {
    const models = await probe.listModels(targetOf(row), DISCOVERY_MS)
    if (models) await store.learnModels(row.id, models)
  }

  async function checkedBaseUrl(provider: Provider, address: string | null): Promise<string> {
    const baseUrl = address === null ? null : normaliseBaseUrl(provider, address)
    if (baseUrl === null) throw new AppError('invalid_input', { field: 'baseUrl' })
    try {
      await egress.checkUrl(baseUrl)
    } catch (cause) {
      throw new AppError('unsafe_destination', { field: 'baseUrl', cause })
    }
    return baseUrl
  }

  function sandboxAddress(provider: Provider): string | null {
    return provider === 'sandbox' ? sandboxBaseUrl() : null
  }

  function targetOf(row: AccountRow): ProbeTarget {
    const { provider, protocol, baseUrl } = row
    return {
      provider,
      protocol,
      baseUrl,
      secret: openAccountSecret(box, row),
      extraHeaders: openExtraHeaders(box, row),
    }
  }

  function show({ row, groupIds }: StoredAccount): Account {
    return toAccount(row, groupIds, runtime.view(row.id), clock.now())
  }

  return { list, get, create, update, archive, setSchedulable, clearState, test }
}

// Without a model to ask for, any that is mapped to will do.
function upstreamModel({ modelMapping, models }: AccountRow, model: string | undefined): string | undefined {
  const anyModel = modelMapping['*']
  if (model === undefined) return Object.values(modelMapping).find((target) => target !== '*')
  if (Object.hasOwn(modelMapping, model)) return modelMapping[model]
  if (anyModel === undefined || anyModel === '*' || models?.includes(model)) return model
  return anyModel
}
