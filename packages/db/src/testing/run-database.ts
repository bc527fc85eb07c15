import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import postgres from 'postgres'
import { startEmbeddedPostgres } from '../embedded/start-postgres.ts'
import { migrate } from '../migrate.ts'
import { ensurePartitions } from '../partitions.ts'
import { temporaryDir } from './temporary-dir.ts'

/** What tests need to make databases of their own; plain values, so that it can be handed to workers. */
export interface RunDatabase {
  /** A database to connect to for making others. */
  url: string
  /** First part of the name of everything this run makes. */
  prefix: string
  /** A migrated, otherwise empty database that nobody connects to. */
  template: string
}

declare module 'vitest' {
  interface ProvidedContext {
    runDatabase: RunDatabase
  }
}

const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '200',
  max_wal_size: '128MB',
}

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
  const dir = await temporaryDir()
  try {
    const server = await startEmbeddedPostgres({ dataDir: join(dir.path, 'postgres'), settings: SETTINGS })
    return {
      url: server.url,
      async stop() {
        await server.stop()
        await dir[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await dir[Symbol.asyncDispose]()
    throw error
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
