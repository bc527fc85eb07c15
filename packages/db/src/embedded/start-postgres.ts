import { mkdir, realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { findBinaries } from './binaries.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { initCluster } from './init-cluster.ts'
import { type DataDirLock, lockDataDir } from './lock-data-dir.ts'
import { type Postmaster, type PostmasterExit, startPostmaster } from './postmaster.ts'
import { stopOrphan } from './stop-orphan.ts'
import { chooseUnprivileged } from './unprivileged.ts'

export { EmbeddedPostgresError, type EmbeddedPostgresErrorCode } from './embedded-postgres-error.ts'
export { findRunningPostgres } from './find-running-postgres.ts'

export interface EmbeddedPostgresOptions {
  /** Holds the cluster, its password and its log; made if missing. */
  dataDir: string
  /** Server settings beyond the defaults, e.g. `{ max_connections: '200' }`. */
  settings?: Record<string, string>
  /** Default: a free one. Name the former one to come back where pools look for it. */
  port?: number
  /** Time to become ready, crash recovery included. */
  startTimeoutMs?: number
}

export interface EmbeddedPostgres {
  /** With password; the database is `turnpike`. */
  url: string
  port: number
  pid: number
  /** Resolves when the server has ended, for whatever reason. */
  exited: Promise<PostmasterExit>
  /** Shuts it down and gives the directory free; also after it ended by itself. */
  stop(): Promise<void>
}

const DATABASE = 'turnpike'
const START_TIMEOUT_MS = 60_000
const CONNECT_TIMEOUT_S = 10

/**
 * A PostgreSQL server of our own on a loopback port. It ends with this process, however that ends; what a killed one
 * left behind (server, pid file, half-made cluster) the next start mends.
 *
 * @throws EmbeddedPostgresError
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = await makeDataDir(options.dataDir)
  const binaries = await findBinaries()
  const lock = lockDataDir(dataDir)
  try {
    await stopOrphan(join(dataDir, 'cluster'))
    const unprivileged = chooseUnprivileged(join(dataDir, 'cluster'), binaries.postgres)
    const durable = options.settings?.fsync !== 'off'
    const cluster = await initCluster({ dataDir, binaries, unprivileged, durable })
    const postmaster = await startPostmaster({
      clusterPath: cluster.path,
      logFile: join(dataDir, 'server.log'),
      postgres: binaries.postgres,
      unprivileged,
      port: options.port ?? 0,
      settings: options.settings ?? {},
      deadlineMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
    })
    return await welcome(postmaster, cluster.password, lock)
  } catch (error) {
    lock.release()
    throw isSystemError(error) ? notWritable(dataDir, error) : error
  }
}

async function makeDataDir(path: string): Promise<string> {
  try {
    await mkdir(resolve(path), { recursive: true, mode: 0o700 })
    return await realpath(path)
  } catch (cause) {
    throw notWritable(path, cause)
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'path' in error
}

function notWritable(path: string, cause: unknown): EmbeddedPostgresError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new EmbeddedPostgresError('data_dir_not_writable', `Cannot write to ${path}: ${why}`, { cause })
}

async function welcome(postmaster: Postmaster, password: string, lock: DataDirLock): Promise<EmbeddedPostgres> {
  const server = `postgres://postgres:${password}@127.0.0.1:${postmaster.port}`
  async function stop() {
    await postmaster.stop()
    lock.release()
  }
  try {
    await ensureDatabase(`${server}/postgres`)
  } catch (cause) {
    await stop()
    throw new EmbeddedPostgresError('start_failed', 'PostgreSQL started but refuses our connections', { cause })
  }
  return { url: `${server}/${DATABASE}`, port: postmaster.port, pid: postmaster.pid, exited: postmaster.exited, stop }
}

async function ensureDatabase(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: CONNECT_TIMEOUT_S })
  try {
    const found = await sql`select from pg_database where datname = ${DATABASE}`
    if (found.length === 0) await sql`create database ${sql(DATABASE)}`
  } finally {
    await sql.end({ timeout: CONNECT_TIMEOUT_S })
  }
}
