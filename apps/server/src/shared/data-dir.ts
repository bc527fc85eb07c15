import { mkdirSync } from 'node:fs'
import { type DirectoryLock, lockDirectory } from './lock-directory.ts'

/** A data directory that cannot be used, in words that tell the cure. */
export class DataDirError extends Error {
  override readonly name = 'DataDirError'
}

/** Makes the data directory where it is missing. */
export function makeDataDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw notWritable(path, cause)
  }
}

/** Keeps other Turnpikes out of the data directory until the lock is released or this process is gone. */
export function lockDataDir(path: string): DirectoryLock {
  let lock: DirectoryLock | null
  try {
    lock = lockDirectory(path)
  } catch (cause) {
    throw notWritable(path, cause)
  }
  if (lock !== null) return lock
  throw new DataDirError(
    `Another Turnpike runs on ${path}. Stop it first, or give this one a directory of its own: DATA_DIR=.data2 npm start`,
  )
}

function notWritable(path: string, cause: unknown): DataDirError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new DataDirError(`The data directory ${path} is not writable (${why}). Point DATA_DIR at a place that is.`, {
    cause,
  })
}
