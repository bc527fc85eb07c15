import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres, { type Sql } from 'postgres'
import { answeringSocket, type SocketPlace } from './answering-socket.ts'
import { guardTransactions } from './guard-transactions.ts'
import * as schema from './schema/index.ts'

export interface DbOptions {
  url: string
  /** Connections of each of the two clients. */
  max?: number
  /** Shown in `pg_stat_activity`. */
  applicationName?: string
  connectTimeoutMs?: number
  /** The server itself ends a statement that takes longer; a server silent beyond that loses the connection. */
  statementTimeoutMs?: number
  /** Warnings and notices of the server; ignored unless given. */
  onNotice?: (notice: postgres.Notice) => void
}

/** Queries through the builder; `await db.close()` when done. */
export interface Db {
  db: PostgresJsDatabase<typeof schema>
  /** A client of its own for raw queries: the builder changes how the one it is given reads dates and JSON. */
  sql: Sql
  close(timeoutMs?: number): Promise<void>
}

/** A server that may have frozen has this much longer than a statement may take. */
const SILENCE_MARGIN_MS = 500
/** A server that is back is found within this time, however long it was away. */
const RECONNECT_MAX_S = 1

/** Two lazy pools on one database: nothing connects before the first query. */
export function createDb(options: DbOptions): Db {
  const sql = connect(options)
  const builderClient = connect(options)
  return {
    db: drizzle({ client: builderClient, schema, casing: 'snake_case' }),
    sql,
    async close(timeoutMs = 5_000) {
      await Promise.all([sql, builderClient].map((client) => client.end({ timeout: timeoutMs / 1_000 })))
    },
  }
}

/** One pool; for what needs connections that are not replaced by themselves, `isLasting`. */
export function connect({
  url,
  max = 10,
  applicationName = 'turnpike',
  connectTimeoutMs = 5_000,
  statementTimeoutMs = 30_000,
  onNotice = ignore,
  isLasting = false,
}: DbOptions & { isLasting?: boolean }): Sql {
  const options = {
    max,
    connect_timeout: connectTimeoutMs / 1_000,
    backoff: (retries: number) => Math.min(3 ** retries / 100, RECONNECT_MAX_S),
    onnotice: onNotice,
    ...(isLasting && { max_lifetime: null }),
    connection: { application_name: applicationName, statement_timeout: statementTimeoutMs },
  }
  const socket = (place: SocketPlace) => answeringSocket(place, statementTimeoutMs + SILENCE_MARGIN_MS)
  return guardTransactions(postgres(url, Object.assign(options, { socket })))
}

function ignore(): void {}
