import type { Sql } from 'postgres'
import { connect } from '../client.ts'

/** As long as the largest table may take. */
const STATEMENT_MS = 6 * 3_600_000

/**
 * One connection on which whole tables are copied in one transaction: `begin` and `commit` are sent by hand, and ending the
 * session (`sql.end({ timeout: 0 })`) takes back what was not committed, at once. The client's own transactions would wait
 * for ever to roll back behind a COPY that nobody reads any more.
 */
export function openCopyConnection(url: string): Sql {
  return connect({ url, max: 1, applicationName: 'turnpike copy', statementTimeoutMs: STATEMENT_MS, isLasting: true })
}
