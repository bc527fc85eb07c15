import { join } from 'node:path'
import { createDb } from '@turnpike/db'
import type { Env } from './env.ts'
import { openEmbeddedDatabase } from './shared/embedded-database.ts'
import type { Log } from './shared/logger.ts'

const GATEWAY_STATEMENT_MS = 5_000
/** A little less than the time of a procedure: what it asks ends with it. */
const REPORT_STATEMENT_MS = 4_500
/** Roll-ups after a long absence, and the removal of what is kept no longer, may take their time. */
const JOB_STATEMENT_MS = 600_000
const JOB_CONNECTIONS = 2
/** Nobody waits long for what only diagnoses. */
const DIAGNOSTICS_CLOSE_MS = 1_000
/** Of the database that the environment names, or of the embedded one, started here. */
export async function databaseUrlOf(env: Env, log: Log, opened: AsyncDisposableStack): Promise<string> {
  if (env.databaseUrl) return env.databaseUrl
  if (env.profile === 'production') {
    log.warn({}, 'DATABASE_URL is not set: the embedded PostgreSQL is used, which cannot be shared or replicated')
  }
  const postgres = await openEmbeddedDatabase(join(env.dataDir, 'postgres'), log)
  opened.defer(() => postgres.close())
  return postgres.url
}

/**
 * A pool for each kind of work (administration, requests, questions of the panel, jobs): a heavy question never stands
 * before the ledger.
 */
export function openDatabases(url: string, instanceId: string) {
  const panel = createDb({ url, applicationName: `turnpike ${instanceId}` })
  const gateway = createDb({
    url,
    applicationName: `turnpike gateway ${instanceId}`,
    statementTimeoutMs: GATEWAY_STATEMENT_MS,
  })
  const reports = createDb({
    url,
    applicationName: `turnpike reports ${instanceId}`,
    statementTimeoutMs: REPORT_STATEMENT_MS,
  })
  const jobs = createDb({
    url,
    max: JOB_CONNECTIONS,
    applicationName: `turnpike jobs ${instanceId}`,
    statementTimeoutMs: JOB_STATEMENT_MS,
  })
  return {
    panel,
    gateway,
    reports,
    jobs,
    /** All at once: beside a frozen server their times do not add up. */
    async close(): Promise<void> {
      await Promise.all([
        panel.close(),
        gateway.close(),
        reports.close(DIAGNOSTICS_CLOSE_MS),
        jobs.close(DIAGNOSTICS_CLOSE_MS),
      ])
    },
  }
}
