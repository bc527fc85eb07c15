import type { AttemptRecord, DecisionRecord } from '@turnpike/core/gateway/outcome'
import { BILLING_MODES, ENDPOINTS, OUTCOMES, WIRE_PROTOCOLS } from '@turnpike/core/words'
import { sql } from 'drizzle-orm'
import { bigint, boolean, index, integer, jsonb, pgTable, primaryKey, real, text, uuid } from 'drizzle-orm/pg-core'
import { instant, nano, ref } from './columns.ts'

/**
 * The ledger: one row for every request that reached an upstream, partitioned by UTC day on `created_at`.
 *
 * It takes whatever a journal holds, also one written by another version: no foreign keys, no checks of words.
 */
export const usageLogs = pgTable(
  'usage_logs',
  {
    /** The time inside `requestId`. */
    createdAt: instant().notNull(),
    requestId: uuid().notNull(),
    clientRequestId: text(),
    endpoint: text({ enum: ENDPOINTS }).notNull(),
    /** Spoken to the upstream. */
    protocol: text({ enum: WIRE_PROTOCOLS }),
    stream: boolean().notNull(),
    status: integer().notNull(),
    outcome: text({ enum: OUTCOMES }).notNull(),
    errorCode: text(),
    userId: ref().notNull(),
    keyId: ref().notNull(),
    groupId: ref().notNull(),
    accountId: ref(),
    /** What `billedNano` was charged to; null in rows of older versions, which charged nothing. */
    billing: text({ enum: BILLING_MODES }),
    subscriptionId: ref(),
    /** Service tier the upstream said it served; null = it said none. */
    serviceTier: text(),
    model: text().notNull(),
    upstreamModel: text(),
    upstreamResponseId: text(),
    inputTokens: tokens(),
    cachedInputTokens: tokens(),
    cacheWriteTokens: tokens(),
    outputTokens: tokens(),
    reasoningTokens: tokens(),
    estimated: boolean().notNull(),
    usageInvalid: boolean().notNull(),
    /** Null = the model has no price. */
    costNano: nano(),
    billedNano: nano().notNull(),
    rateMultiplierE4: integer('rate_multiplier_e4').notNull(),
    priceRule: text().notNull(),
    attempts: jsonb().$type<AttemptRecord[]>().notNull(),
    decision: jsonb().$type<DecisionRecord>().notNull(),
    queueMs: real().notNull(),
    routeMs: real().notNull(),
    upstreamConnectMs: real(),
    upstreamFirstByteMs: real(),
    ttftMs: real(),
    totalMs: real().notNull(),
    gatewayMs: real(),
    clientIp: text().notNull(),
    userAgent: text(),
    /** The millisecond its outcome was known; null in rows of older versions. */
    endedAt: instant(),
    /** The life of the instance that served it. */
    bootId: uuid(),
  },
  (table) => [
    primaryKey({ columns: [table.createdAt, table.requestId] }),
    index('usage_logs_user_id_index').on(table.userId, table.createdAt, table.requestId),
    index('usage_logs_key_id_index').on(table.keyId, table.createdAt, table.requestId),
    index('usage_logs_group_id_index').on(table.groupId, table.createdAt, table.requestId),
    index('usage_logs_account_id_index').on(table.accountId, table.createdAt, table.requestId),
    index('usage_logs_model_index').on(table.model, table.createdAt, table.requestId),
    index('usage_logs_outcome_index')
      .on(table.outcome, table.createdAt, table.requestId)
      // Nearly all of them are: the primary key serves that filter as it is.
      .where(sql`${table.outcome} <> 'completed'`),
    // What is rare is looked for, too: without these it would be looked for in every row of the window.
    index('usage_logs_error_code_index')
      .on(table.errorCode, table.createdAt, table.requestId)
      .where(sql`${table.errorCode} is not null`),
    index('usage_logs_status_index')
      .on(table.status, table.createdAt, table.requestId)
      .where(sql`${table.status} <> 200`),
    // Few values, so it is small; the primary key serves those that are common.
    index('usage_logs_endpoint_index').on(table.endpoint),
    index('usage_logs_client_request_id_index')
      .on(table.clientRequestId, table.createdAt, table.requestId)
      .where(sql`${table.clientRequestId} is not null`),
    index('usage_logs_upstream_response_id_index')
      .on(table.upstreamResponseId)
      .where(sql`${table.upstreamResponseId} is not null`),
    // Rows come in the order they ended in: next to nothing to keep, and enough to find the last seconds of a dead instance.
    index('usage_logs_ended_at_index').using('brin', table.endedAt),
  ],
)

function tokens() {
  return bigint({ mode: 'number' }).notNull()
}
