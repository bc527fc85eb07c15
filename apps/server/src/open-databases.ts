import { createDb, type Db } from '@turnpike/db'

const GATEWAY_STATEMENT_MS = 5_000
/** A little less than the time of a procedure: what it asks ends with it. */
const REPORT_STATEMENT_MS = 4_500
/** Roll-ups after a long absence, and the removal of what is kept no longer, may take their time. */
const JOB_STATEMENT_MS = 600_000
const JOB_CONNECTIONS = 2
/** Nobody waits long for what only diagnoses. */
const DIAGNOSTICS_CLOSE_MS = 1_000

export interface Databases {
  /** Administration, sessions, accounts. */
  panel: Db
  gateway: Db
  reports: Db
  jobs: Db
  /** All at once: beside a frozen server their times do not add up. */
  close(): Promise<void>
}

/** One pool for each kind of work, so that a heavy question never stands before the ledger. */
export function openDatabases(url: string, instanceId: string): Databases {
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
    async close() {
      await Promise.all([
        panel.close(),
        gateway.close(),
        reports.close(DIAGNOSTICS_CLOSE_MS),
        jobs.close(DIAGNOSTICS_CLOSE_MS),
      ])
    },
  }
}
