import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { startEmbeddedPostgres } from '../embedded/start-postgres.ts'
import { migrate } from '../migrate.ts'
import { ensurePartitions } from '../partitions.ts'

/** What tests need to make databases of their own; plain values, so that it can be handed to workers. */
export interface RunDatabase {
  /** A database to connect to for making others. */
  url: string
  /** First part of the name of everything this run makes. */
  prefix: string
  /** A migrated, otherwise empty database that nobody connects to. */
  template: string
}

const DIR_PREFIX = 'turnpike-test-'
const ABANDONED_AFTER_MS = 24 * 3_600_000
const SETTINGS = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '200' }

/** A server for one run of tests: the one at `serverUrl`, else an embedded one that is gone afterwards. */
export async function startRunDatabase(
  serverUrl: string | undefined,
): Promise<{ database: RunDatabase; stop(): Promise<void> }> {
  const server = serverUrl ? { url: serverUrl, stop: async () => {} } : await startThrowaway()
  const prefix = `tp_${randomBytes(6).toString('hex')}`
  const database = { url: server.url, prefix, template: `${prefix}_template` }
  async function stop(): Promise<void> {
    if (serverUrl) await dropAll(database)
    await server.stop()
  }
  try {
    await makeTemplate(database)
    return { database, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

async function startThrowaway(): Promise<{ url: string; stop(): Promise<void> }> {
  removeAbandoned()
  const dir = await mkdtemp(join(tmpdir(), DIR_PREFIX))
  const removeDir = () => rm(dir, { recursive: true, force: true })
  try {
    const server = await startEmbeddedPostgres({ dataDir: join(dir, 'postgres'), settings: SETTINGS })
    return {
      url: server.url,
      async stop() {
        await server.stop()
        await removeDir()
      },
    }
  } catch (error) {
    await removeDir()
    throw error
  }
}

/** A killed run takes its server along, but not its files. */
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(DIR_PREFIX)) continue
    const dir = join(tmpdir(), name)
    const age = Date.now() - (statSync(dir, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (age > ABANDONED_AFTER_MS) rmSync(dir, { recursive: true, force: true })
  }
}

async function makeTemplate({ url, template }: RunDatabase): Promise<void> {
  const admin = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await admin`create database ${admin(template)}`
  } finally {
    await admin.end({ timeout: 5 })
  }
  await migrate(withDatabase(url, template))
  const filled = postgres(withDatabase(url, template), { max: 1 })
  try {
    await ensurePartitions(filled, new Date())
  } finally {
    await filled.end({ timeout: 5 })
  }
}

async function dropAll({ url, prefix }: RunDatabase): Promise<void> {
  const admin = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const databases = await admin<{ name: string }[]>`
      select datname as name from pg_database where starts_with(datname, ${prefix})`
    for (const { name } of databases) await admin`drop database if exists ${admin(name)} with (force)`
  } finally {
    await admin.end({ timeout: 5 })
  }
}
