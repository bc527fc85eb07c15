import { type Db, ensurePartitionsFor } from '@turnpike/db'
import { opsErrorLogs } from '@turnpike/db/schema'
import { sql } from 'drizzle-orm'
import type { ErrorRow } from './error-row.ts'

const LOCK_KEY = 'turnpike:error-log'

/**
 * Writes rows of the error log; a row the database refuses does not take the others with it, missing partitions are made.
 * One transaction of all instances at a time: ids are in the order in which rows can be read, so that whoever follows the
 * log by them misses none. Its statements must end before whoever waits for them gives up.
 */
export function createErrorInsert({ db, sql: client }: Db) {
  return async function insert(rows: ErrorRow[]): Promise<void> {
    try {
      await write(rows)
    } catch (error) {
      const code = codeOf(error)
      if (code === '23514') {
        const times = rows.map(({ createdAt }) => createdAt)
        await ensurePartitionsFor(client, times, 'ops_error_logs')
        await write(rows)
      } else if (rows.length > 1 && code !== null && /^(?:22|23|54)/.test(code)) {
        const middle = rows.length >> 1
        await insert(rows.slice(0, middle))
        await insert(rows.slice(middle))
      } else throw error
    }
  }

  async function write(rows: ErrorRow[]): Promise<void> {
    await db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${LOCK_KEY}, 0))`)
      await tx.insert(opsErrorLogs).values(rows)
    })
  }
}

function codeOf(error: unknown): string | null {
  const cause = error instanceof Error ? (error.cause ?? error) : null
  return cause instanceof Error && 'code' in cause ? String(cause.code) : null
}
