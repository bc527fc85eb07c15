import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Binaries } from './binaries.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import type { Unprivileged } from './unprivileged.ts'

const INIT_TIMEOUT_MS = 120_000
const VERSION_TIMEOUT_MS = 10_000
const UNFINISHED = 'cluster.unfinished'

export interface Cluster {
  /** PostgreSQL's own data directory. */
  path: string
  password: string
}

interface InitOptions {
  dataDir: string
  binaries: Binaries
  unprivileged: Unprivileged
  /** Whether a power cut right after must not undo it. */
  durable: boolean
}

/**
 * The cluster in `dataDir`, made if there is none. It is built aside and renamed when whole, so that being killed
 * half-way costs nothing; the password is written before it and never replaced.
 *
 * @throws EmbeddedPostgresError `init_failed`, `version_mismatch`
 */
export async function initCluster({ dataDir, binaries, unprivileged, durable }: InitOptions): Promise<Cluster> {
  const path = join(dataDir, 'cluster')
  await removeUnfinished(dataDir)
  if (existsSync(join(path, 'PG_VERSION'))) {
    await checkVersion(path, binaries)
    await chmod(path, 0o700)
    unprivileged.own(dataDir)
    return { path, password: await ensurePassword(dataDir) }
  }
  const password = await ensurePassword(dataDir)
  const unfinished = join(dataDir, `${UNFINISHED}-${process.pid}`)
  await mkdir(unfinished, { mode: 0o700 })
  unprivileged.own(dataDir)
  await initdb({ binaries, unprivileged, durable, path: unfinished, passwordFile: join(dataDir, 'password') })
  await rename(unfinished, path)
  return { path, password }
}

async function removeUnfinished(dataDir: string): Promise<void> {
  const names = await readdir(dataDir)
  const unfinished = names.filter((name) => name.startsWith(UNFINISHED))
  await Promise.all(unfinished.map((name) => rm(join(dataDir, name), { recursive: true, force: true })))
}

async function checkVersion(path: string, binaries: Binaries): Promise<void> {
  const { stdout } = await promisify(execFile)(binaries.postgres, ['-V'], { timeout: VERSION_TIMEOUT_MS })
  const ours = /\d+/.exec(stdout)?.[0]
  const theirs = (await readFile(join(path, 'PG_VERSION'), 'utf8')).trim()
  if (ours === theirs) return
  throw new EmbeddedPostgresError(
    'version_mismatch',
    `${path} was written by PostgreSQL ${theirs}, this is PostgreSQL ${ours}: restore a backup into a new directory`,
  )
}

async function ensurePassword(dataDir: string): Promise<string> {
  const file = join(dataDir, 'password')
  const existing = await readFile(file, 'utf8').catch(() => '')
  if (existing.trim()) return existing.trim()
  const password = randomBytes(24).toString('base64url')
  const draft = `${file}.new`
  await writeFile(draft, `${password}\n`, { mode: 0o600, flush: true })
  await rename(draft, file)
  return password
}

async function initdb(options: Omit<InitOptions, 'dataDir'> & { path: string; passwordFile: string }): Promise<void> {
  const { binaries, unprivileged, durable, path, passwordFile } = options
  const { file, args, uid, gid } = unprivileged.command(binaries.initdb, [
    `--pgdata=${path}`,
    '--username=postgres',
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
    '--encoding=UTF8',
    // The locale that is built in is the same on every system.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    ...(durable ? [] : ['--no-sync']),
  ])
  try {
    await promisify(execFile)(file, args, { uid, gid, timeout: INIT_TIMEOUT_MS, killSignal: 'SIGKILL' })
  } catch (cause) {
    throw new EmbeddedPostgresError('init_failed', `Could not create a database in ${path}: ${lastLines(cause)}`, {
      cause,
    })
  }
}

function lastLines(cause: unknown): string {
  const stderr = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : ''
  return stderr.split('\n').slice(-3).join(' ') || String(cause)
}
