import { type Db, ensurePartitionsFor } from '@turnpike/db'
import { opsErrorLogs } from '@turnpike/db/schema'
import type { ErrorRow } from './error-row.ts'

/** Writes rows of the error log in one statement; missing partitions are made. */
export function createErrorInsert({ db, sql }: Db) {
  return async function insert(rows: ErrorRow[]): Promise<void> {
    try {
      await db.insert(opsErrorLogs).values(rows)
    } catch (error) {
      if (!isMissingPartition(error)) throw error
      await ensurePartitionsFor(
        sql,
        rows.map(({ createdAt }) => createdAt),
        'ops_error_logs',
      )
      await db.insert(opsErrorLogs).values(rows)
    }
  }
}

function isMissingPartition(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === '23514'
}
