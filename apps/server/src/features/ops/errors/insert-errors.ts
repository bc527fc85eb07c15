import { ensurePartitionsFor } from '@turnpike/db'
import { opsErrorLogs } from '@turnpike/db/schema'
import { getTableColumns } from 'drizzle-orm'
import { toSnakeCase } from 'drizzle-orm/casing'
import postgres, { type Sql } from 'postgres'
import type { ErrorRow } from './error-row.ts'

const LOCK_KEY = 'turnpike:error-log'

/** What stands where a row says nothing. */
const DEFAULTS: Readonly<Record<string, string>> = { count: '1', attempts: `'[]'` }

/** Members of a row and the columns they go to; the database gives the id. */
const COLUMNS = Object.entries(getTableColumns(opsErrorLogs))
  .filter(([member]) => member !== 'id')
  .map(([member, column]) => ({
    member,
    name: column.name === member ? toSnakeCase(member) : column.name,
    type: column.getSQLType(),
    fallback: DEFAULTS[member] ?? 'null',
  }))

const INSERT = `
  insert into ops_error_logs (${COLUMNS.map(({ name }) => name).join(', ')})
  select ${COLUMNS.map(({ member, fallback }) => `coalesce(o."${member}", ${fallback})`).join(', ')}
  from jsonb_to_recordset($1::text::jsonb) as o (${COLUMNS.map(({ member, type }) => `"${member}" ${type}`).join(', ')})`

/**
 * Writes rows of the error log; a row the database refuses does not take the others with it, missing partitions are made.
 * One transaction of all instances at a time: ids are in the order in which rows can be read, so that whoever follows the
 * log by them misses none. Its statements must end before whoever waits for them gives up.
 */
export function createErrorInsert({ sql }: { sql: Sql }) {
  return async function insert(rows: ErrorRow[]): Promise<void> {
    try {
      await write(rows)
    } catch (error) {
      const code = error instanceof postgres.PostgresError ? error.code : ''
      if (code === '23514') {
        const times = rows.map(({ createdAt }) => createdAt)
        await ensurePartitionsFor(sql, times, 'ops_error_logs')
        await write(rows)
      } else if (rows.length > 1 && /^(?:22|23|54)/.test(code)) {
        const middle = rows.length >> 1
        await insert(rows.slice(0, middle))
        await insert(rows.slice(middle))
      } else throw error
    }
  }

  async function write(rows: ErrorRow[]): Promise<void> {
    await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtextextended(${LOCK_KEY}, 0))`
      await tx.unsafe(INSERT, [JSON.stringify(rows)], { prepare: true })
    })
  }
}
