import type { AttemptRecord } from '@turnpike/core/gateway/outcome'
import { ERROR_OWNERS, ERROR_PHASES, ERROR_SEVERITIES, ERROR_SOURCES } from '@turnpike/core/ops/words'
import { sql } from 'drizzle-orm'
import { bigint, boolean, index, integer, jsonb, pgTable, primaryKey, real, text, uuid } from 'drizzle-orm/pg-core'
import { instant, ref } from './columns.ts'

/**
 * Each failed request, each failed attempt of one, and our own faults; partitioned by UTC day. Refusals of the caller's own
 * making are folded when they come in masses: `count` of them in one row, of which the first is told.
 */
export const opsErrorLogs = pgTable(
  'ops_error_logs',
  {
    createdAt: instant().notNull(),
    id: bigint({ mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    source: text({ enum: ERROR_SOURCES }).notNull(),
    phase: text({ enum: ERROR_PHASES }).notNull(),
    owner: text({ enum: ERROR_OWNERS }).notNull(),
    severity: text({ enum: ERROR_SEVERITIES }).notNull(),
    /** The caller's error type, as in `error.type`. */
    type: text().notNull(),
    code: text().notNull(),
    /** The logical status; null where it ended no request. */
    status: integer(),
    upstreamStatus: integer(),
    /** Of how many it is the first. */
    count: integer().notNull().default(1),
    requestId: uuid(),
    clientRequestId: text(),
    instanceId: text().notNull(),
    userId: ref(),
    keyId: ref(),
    groupId: ref(),
    accountId: ref(),
    provider: text(),
    model: text(),
    path: text(),
    stream: boolean(),
    /** Of the error table, or of the fault. */
    message: text().notNull(),
    /** Beginning of the upstream's own error body, redacted. */
    upstreamBody: text(),
    upstreamRequestId: text(),
    attempts: jsonb().$type<AttemptRecord[]>().notNull().default([]),
    /** Whether the same request may succeed when it is sent again. */
    retryable: boolean().notNull(),
    /** Of the request, or of the attempt. */
    durationMs: real(),
    queueMs: real(),
    ttftMs: real(),
    clientIp: text(),
    userAgent: text(),
    /** Of our own faults. */
    stack: text(),
    resolvedAt: instant(),
    resolvedBy: text(),
  },
  (table) => [
    primaryKey({ columns: [table.createdAt, table.id] }),
    index('ops_error_logs_id_index').on(table.id),
    index('ops_error_logs_request_id_index').on(table.requestId),
    index('ops_error_logs_client_request_id_index')
      .on(table.clientRequestId)
      .where(sql`${table.clientRequestId} is not null`),
    index('ops_error_logs_code_index').on(table.code, table.createdAt, table.id),
    index('ops_error_logs_owner_index').on(table.owner, table.createdAt, table.id),
    index('ops_error_logs_user_id_index')
      .on(table.userId, table.createdAt, table.id)
      .where(sql`${table.userId} is not null`),
    index('ops_error_logs_key_id_index')
      .on(table.keyId, table.createdAt, table.id)
      .where(sql`${table.keyId} is not null`),
    index('ops_error_logs_model_index')
      .on(table.model, table.createdAt, table.id)
      .where(sql`${table.model} is not null`),
    // Nearly all of them are not.
    index('ops_error_logs_resolved_index').on(table.createdAt, table.id).where(sql`${table.resolvedAt} is not null`),
    index('ops_error_logs_account_id_index')
      .on(table.accountId, table.createdAt, table.id)
      .where(sql`${table.accountId} is not null`),
  ],
)
