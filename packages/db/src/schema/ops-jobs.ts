import { bigint, boolean, integer, pgTable, text } from 'drizzle-orm/pg-core'
import { instant } from './columns.ts'

/** One row per job, whichever instance runs it. */
export const opsJobHeartbeats = pgTable('ops_job_heartbeats', {
  job: text().primaryKey(),
  lastStartedAt: instant(),
  lastSucceededAt: instant(),
  lastFailedAt: instant(),
  /** Of the newest failure; null = the newest run succeeded. */
  lastError: text(),
  lastDurationMs: integer(),
  /** When a run is due by the job's own schedule. */
  nextDueAt: instant(),
})

/** How long each table keeps its rows, and what the last clean-up did. */
export const opsDataRetentionConfig = pgTable('ops_data_retention_config', {
  tableName: text().primaryKey(),
  /** Null = for ever. */
  days: integer(),
  enabled: boolean().notNull().default(true),
  lastCleanupAt: instant(),
  lastCleanupRows: bigint({ mode: 'number' }),
  lastCleanupMs: integer(),
})
