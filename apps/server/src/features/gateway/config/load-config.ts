import { createPriceList } from '@turnpike/core/billing/price'
import { accountHealthOf } from '@turnpike/core/gateway/account-state'
import { readSettings, type Settings } from '@turnpike/core/inputs/settings'
import type { Db } from '@turnpike/db'
import { accountGroups, accounts, groups, prices, settings as settingsTable } from '@turnpike/db/schema'
import { ne } from 'drizzle-orm'
import { openAccountSecret, openAccountText, openExtraHeaders } from '../../../shared/account-secrets.ts'
import type { Log } from '../../../shared/logger.ts'
import type { SecretBox } from '../../../shared/secret-box.ts'
import type { AccountConfig, Config, GroupConfig } from './config.ts'

type AccountRow = typeof accounts.$inferSelect
type GroupRow = typeof groups.$inferSelect
type SettingRow = typeof settingsTable.$inferSelect

/** Everything the request path needs, as of one moment. An account whose secret does not open is left out and reported. */
export async function loadConfig({ db, box, log }: { db: Db['db']; box: SecretBox; log: Log }): Promise<Config> {
  const [groupRows, accountRows, links, priceRows, storedSettings] = await db.transaction(readAll, ONE_SNAPSHOT)
  const settings = toSettings(storedSettings, log)
  const linksOf = Map.groupBy(links, ({ accountId }) => accountId)
  const accountEntries = accountRows.flatMap((row) => {
    try {
      const inGroups = new Map((linksOf.get(row.id) ?? []).map(({ groupId, priority }) => [groupId, priority]))
      return [[row.id, toAccount(row, inGroups, box)] as const]
    } catch (error) {
      log.error({ err: error, accountId: row.id }, 'an account cannot be used: its secret does not open')
      return []
    }
  })
  return {
    groups: new Map(groupRows.map((row) => [row.id, toGroup(row, settings)])),
    accounts: new Map(accountEntries),
    prices: createPriceList(priceRows),
    settings,
  }
}

/** Read one by one, an account that takes another's place could be missing together with it. */
const ONE_SNAPSHOT = { isolationLevel: 'repeatable read', accessMode: 'read only' } as const

function readAll(tx: Pick<Db['db'], 'select'>) {
  return Promise.all([
    tx.select().from(groups),
    tx.select().from(accounts).where(ne(accounts.status, 'archived')),
    tx.select().from(accountGroups),
    tx.select().from(prices),
    tx.select().from(settingsTable),
  ])
}

function toSettings(rows: SettingRow[], log: Log): Settings {
  const { settings, invalid } = readSettings(rows)
  if (invalid.length > 0) log.warn({ keys: invalid }, 'settings make no sense as they are stored: their defaults hold')
  return settings
}

function toGroup(row: GroupRow, settings: Settings): GroupConfig {
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    billing: row.billing,
    multiplierE4: row.rateMultiplierE4,
    models: row.models,
    onBusy: row.onBusy,
    onDisconnect: row.onDisconnect,
    stickiness: row.stickiness,
    timeouts: {
      connectMs: row.connectTimeoutMs,
      firstByteMs: row.firstByteTimeoutMs,
      idleMs: row.idleTimeoutMs,
      totalMs: row.totalTimeoutMs,
    },
    maxAccountSwitches: row.maxAccountSwitches,
    rates: { requestsPerMinute: row.requestsPerMinute, tokensPerMinute: row.tokensPerMinute },
    assumedOutputTokens: row.assumedOutputTokens,
    stickyWaitMs: settings['gateway.stickyWaitMs'],
    instructions: { mode: row.instructionsMode, text: row.instructionsText },
  }
}

function toAccount(row: AccountRow, inGroups: AccountConfig['groups'], box: SecretBox): AccountConfig {
  const url = new URL(row.baseUrl)
  return {
    id: row.id,
    provider: row.provider,
    protocol: row.protocol,
    origin: url.origin,
    basePath: url.pathname.replace(/\/$/, ''),
    headers: {
      ...openExtraHeaders(box, row),
      ...(row.auth === 'api_key' && credentials(row, openAccountSecret(box, row))),
    },
    oauth: row.auth === 'oauth2' ? storedToken(row, box) : null,
    proxy: openAccountText(box, row.id, 'proxy_sealed', row.proxySealed),
    forwardOrganization: row.forwardOrganization,
    priority: row.priority,
    weight: row.weight,
    concurrency: row.concurrency,
    modelMapping: row.modelMapping,
    models: row.models,
    affinityDomain: row.affinityDomain,
    schedulable: row.schedulable,
    expiresAtMs: row.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
    status: row.status,
    groups: inGroups,
    health: accountHealthOf(row.health),
    lastUsedAtMs: row.lastUsedAt?.getTime() ?? null,
  }
}

function storedToken(row: AccountRow, box: SecretBox): AccountConfig['oauth'] {
  return {
    generation: row.oauthGeneration,
    value: openAccountText(box, row.id, 'oauth_access_sealed', row.oauthAccessSealed),
    expiresAtMs: row.oauthAccessExpiresAt?.getTime() ?? 0,
  }
}

function credentials({ provider }: AccountRow, secret: string): Record<string, string> {
  return provider === 'azure-openai' ? { 'api-key': secret } : { authorization: `Bearer ${secret}` }
}
