import { BackupError, InstanceLockError } from '@turnpike/db'
import { EmbeddedPostgresError } from '@turnpike/db/embedded'
import { EnvError } from './env.ts'
import { DataDirError } from './shared/data-dir.ts'
import { RedisError } from './shared/redis.ts'
import { SecretKeyError } from './shared/secret-key.ts'

/** Why the server did not start, for a person: what is wrong and what to do about it. */
export function startFailure(failure: unknown): string {
  const error = firstFailure(failure)
  if (error instanceof EnvError) {
    return `The environment is not right:\n\n${error.faults.map((fault) => `  - ${fault}`).join('\n')}\n\nSee .env.example for every setting.`
  }
  if (error instanceof InstanceLockError) return error.isHeldShared ? OTHERS_SHARE : OTHER_IS_ALONE
  if (SELF_EXPLAINING.some((kind) => error instanceof kind) && error instanceof Error) return error.message
  const code = systemCode(error)
  const cure = code === null ? null : CURES[code]
  const message = error instanceof Error ? error.message : String(error)
  if (cure) return `${cure}\n  (${message})`
  return `Turnpike could not start: ${message}`
}

const SELF_EXPLAINING = [BackupError, EmbeddedPostgresError, SecretKeyError, DataDirError, RedisError]

const OTHER_IS_ALONE =
  'Another instance of Turnpike serves on this database, and has not left in time.\n\nInstances that use one database share their limits through Redis: set REDIS_URL to the same Redis for each of them,\nor stop the other instance first.'

const OTHERS_SHARE =
  'Other instances of Turnpike serve on this database and share their limits through Redis.\n\nSet REDIS_URL here to the same Redis, or stop them first.'

/** What went wrong first, where closing after it went wrong too. */
function firstFailure(error: unknown): unknown {
  return error instanceof SuppressedError ? firstFailure(error.suppressed) : error
}

const UNREACHABLE =
  'The database cannot be reached. Check DATABASE_URL and that PostgreSQL runs and accepts connections there.'

const CURES: Record<string, string> = {
  EADDRINUSE: 'The port is in use. Stop the other program, or choose another port: PORT=8788 npm start',
  EADDRNOTAVAIL:
    'HOST is not an address of this machine. Use 127.0.0.1 for this machine only, 0.0.0.0 for all its addresses.',
  EACCES:
    'Permission denied. The data directory must be writable (DATA_DIR), and ports below 1024 need privileges (PORT).',
  EPERM: 'Permission denied. The data directory must be writable (DATA_DIR).',
  EROFS: 'The data directory is on a read-only file system. Point DATA_DIR at a writable place.',
  ENOSPC: 'The disk is full. Free some space, or point DATA_DIR at another disk.',
  ENOTDIR: 'DATA_DIR, or a part of its path, is a file. Point it at a directory.',
  EEXIST: 'DATA_DIR is a file. Point it at a directory.',
  ECONNREFUSED: UNREACHABLE,
  ENOTFOUND: UNREACHABLE,
  EAI_AGAIN: UNREACHABLE,
  CONNECT_TIMEOUT: UNREACHABLE,
  '28P01': 'The database refused the password. Check user and password in DATABASE_URL.',
  '28000': 'The database refused the user. Check DATABASE_URL.',
  '3D000': 'The database in DATABASE_URL does not exist. Create it, or name another one.',
}

/** The system's or database's code of the error or of what caused it. */
function systemCode(error: unknown): string | null {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string' && current.code in CURES) return current.code
  }
  return null
}
