import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export interface DirectoryLock {
  /** Again: does nothing. */
  release(): void
}

const LOCK_FILE = 'lock'
const SQLITE_BUSY = 5

/** Keeps the locks from the garbage collector, which would open them. */
const held = new Set<DatabaseSync>()

/**
 * Makes this process the owner of a directory until `release()` or its death; null where another process is.
 *
 * SQLite is here for nothing but its lock, the one lock of the operating system that Node has a way to: the kernel takes
 * it back from a killed process and knows those of other containers. A pid in a file is used again by somebody else, means
 * nothing in another container, and two who find it stale at once both believe they won.
 *
 * @throws what the system says where the directory cannot be written
 */
export function lockDirectory(directory: string): DirectoryLock | null {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(join(directory, LOCK_FILE), { timeout: 0 })
    lock.exec('pragma journal_mode = memory; begin exclusive')
  } catch (error) {
    lock?.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return null
    throw error
  }
  const taken = lock
  held.add(taken)
  return {
    release() {
      if (held.delete(taken)) taken.close()
    },
  }
}
