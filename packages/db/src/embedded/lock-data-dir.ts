import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

export interface DataDirLock {
  /** Again: does nothing. */
  release(): void
}

const SQLITE_BUSY = 5

/** Keeps the locks from the garbage collector, which would open them. */
const held = new Set<DatabaseSync>()

/**
 * Makes this process the only one that may start or stop a server in `dataDir`, until `release()` or its death.
 *
 * SQLite is here for nothing but its lock: the one lock of the operating system that Node has a way to. The kernel
 * takes it back from a killed process; files with pids can only guess, and fail when two guess at once.
 *
 * @throws EmbeddedPostgresError `data_dir_in_use`, `data_dir_not_writable`
 */
export function lockDataDir(dataDir: string): DataDirLock {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(join(dataDir, 'lock'), { timeout: 0 })
    lock.exec('pragma journal_mode = memory; begin exclusive')
  } catch (cause) {
    lock?.close()
    throw toEmbeddedPostgresError(dataDir, cause)
  }
  const taken = lock
  held.add(taken)
  return {
    release() {
      if (held.delete(taken)) taken.close()
    },
  }
}

function toEmbeddedPostgresError(dataDir: string, cause: unknown): EmbeddedPostgresError {
  if (cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY) {
    return new EmbeddedPostgresError('data_dir_in_use', `${dataDir} is in use: stop the other process first`, { cause })
  }
  const why = cause instanceof Error ? cause.message : String(cause)
  return new EmbeddedPostgresError('data_dir_not_writable', `Cannot write to ${dataDir}: ${why}`, { cause })
}
