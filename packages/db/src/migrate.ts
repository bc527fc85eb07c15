import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'

export interface MigrateOptions {
  /** Where the generated SQL lies; default: `drizzle/` of the repository. */
  folder?: string
  /** How long to wait for another process that migrates, and for each lock of the migrations themselves. */
  lockTimeoutMs?: number
}

/** The generated SQL of every version so far. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../../drizzle', import.meta.url))
const LOCK_KEY = 'turnpike:migrate'
const OLDEST_SERVER = 140_000

/**
 * Brings the database to this version's schema. Any number of processes may do so at once: one works, the others wait.
 *
 * The URL must lead to the server itself: behind a pooler in transaction mode the lock holds nothing.
 */
export async function migrate(
  url: string,
  { folder = MIGRATIONS_FOLDER, lockTimeoutMs = 60_000 }: MigrateOptions = {},
) {
  // One connection that is never replaced: the lock is the session's.
  const client = postgres(url, { max: 1, max_lifetime: null, connect_timeout: 10, onnotice: () => {} })
  try {
    await requireServerVersion(client)
    await client`select set_config('lock_timeout', ${`${lockTimeoutMs}ms`}, false)`
    await client`select pg_advisory_lock(hashtextextended(${LOCK_KEY}, 0))`
    await applyMigrations(drizzle({ client }), { migrationsFolder: folder })
  } finally {
    // Ending the session frees the lock, whatever happened.
    await client.end({ timeout: 5 })
  }
}

async function requireServerVersion(client: postgres.Sql): Promise<void> {
  const [row] = await client<{ version: string; number: number }[]>`
    select current_setting('server_version') as version, current_setting('server_version_num')::int as number`
  if (row && row.number < OLDEST_SERVER) throw new Error(`PostgreSQL ${row.version} is too old: 14 or newer is needed`)
}
