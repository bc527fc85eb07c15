import { ACCOUNT_AUTHS, ACCOUNT_STATUSES, OAUTH_GRANTS, PROTOCOLS, PROVIDERS } from '@turnpike/core/words'
import { boolean, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, id, instant, oneOf, ref } from './columns.ts'
import { groups } from './groups.ts'

/** One model of an account that cools; `until` is ISO 8601. */
export interface ModelCooling {
  model: string
  until: string
  reason: string
}

export const accounts = pgTable(
  'accounts',
  {
    id: id(),
    name: text().notNull(),
    provider: text({ enum: PROVIDERS }).notNull(),
    baseUrl: text().notNull(),
    protocol: text({ enum: PROTOCOLS }).notNull(),
    auth: text({ enum: ACCOUNT_AUTHS }).notNull().default('api_key'),
    secretSealed: text().notNull(),
    secretLast4: text().notNull(),
    /** auth `oauth2`: where tokens come from. The secret is the client's secret (client_credentials). */
    oauthGrant: text({ enum: OAUTH_GRANTS }),
    oauthTokenUrl: text(),
    oauthClientId: text(),
    oauthScope: text(),
    /** grant `refresh_token`: sealed, replaced whenever the token endpoint sends a new one. */
    oauthRefreshSealed: text(),
    oauthAccessSealed: text(),
    oauthAccessExpiresAt: instant(),
    /** Counts the refreshes: who holds a lower number reads again before it asks for a token itself. */
    oauthGeneration: integer().notNull().default(0),
    /** A sealed URL (http, https, socks5) through which the account is reached; null = directly. */
    proxySealed: text(),
    /** Host and port of the proxy, for people. */
    proxyHost: text(),
    /** Minutes between scheduled health checks; null = none. */
    healthCheckMinutes: integer(),
    /** Whether a passing health check lifts an `error`. */
    healthCheckRecovers: boolean().notNull().default(false),
    healthCheckedAt: instant(),
    /** A sealed JSON object of header names and values; null = none. */
    extraHeadersSealed: text(),
    /** Whether the caller's organisation and project headers go upstream. */
    forwardOrganization: boolean().notNull().default(false),
    /** Smaller first. */
    priority: integer().notNull().default(50),
    weight: integer().notNull().default(1),
    /** Requests in flight; 0 = no limit. */
    concurrency: integer().notNull().default(3),
    /** Requested model → upstream model; `*` for the rest. */
    modelMapping: jsonb().$type<Record<string, string>>().notNull().default({}),
    /** Null = never discovered nor entered. */
    models: text().array(),
    /** `models` came from the upstream and follows it; false = a person entered them, and they stay. */
    modelsDiscovered: boolean().notNull().default(false),
    /** Accounts of one domain can read each other's encrypted reasoning. */
    affinityDomain: text(),
    schedulable: boolean().notNull().default(true),
    expiresAt: instant(),
    status: text({ enum: ACCOUNT_STATUSES }).notNull().default('active'),
    statusReason: text(),
    coolingUntil: instant(),
    coolingReason: text(),
    modelCooling: jsonb().$type<ModelCooling[]>().notNull().default([]),
    /** Counters of breaker and back-off, so that a restart goes on where it stopped; the gateway parses them. */
    health: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    lastUsedAt: instant(),
    createdAt: createdAt(),
  },
  (table) => [
    oneOf('accounts_provider_check', table.provider, PROVIDERS),
    oneOf('accounts_protocol_check', table.protocol, PROTOCOLS),
    oneOf('accounts_auth_check', table.auth, ACCOUNT_AUTHS),
    oneOf('accounts_oauth_grant_check', table.oauthGrant, OAUTH_GRANTS),
    oneOf('accounts_status_check', table.status, ACCOUNT_STATUSES),
  ],
)

export const accountGroups = pgTable(
  'account_groups',
  {
    accountId: ref()
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    groupId: ref()
      .notNull()
      .references(() => groups.id, { onDelete: 'cascade' }),
    /** Null = the account's own priority. */
    priority: integer(),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.groupId] }),
    index('account_groups_group_id_index').on(table.groupId),
  ],
)

/** Every change of an account's state, newest read first. */
export const accountEvents = pgTable(
  'account_events',
  {
    id: id(),
    accountId: ref()
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    kind: text().notNull(),
    fromState: text(),
    toState: text(),
    reason: text(),
    model: text(),
    until: instant(),
    requestId: uuid(),
    at: instant().notNull(),
  },
  (table) => [
    index('account_events_account_id_index').on(table.accountId, table.at, table.id),
    index('account_events_at_index').on(table.at),
  ],
)
