import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { inject } from 'vitest'
import { createDb, type Db } from '../client.ts'
import { withDatabase } from './run-database.ts'

export interface FreshDatabase extends Db, AsyncDisposable {
  url: string
}

export interface FreshDatabaseOptions {
  /** False = without any table. */
  migrated?: boolean
  max?: number
}

const FILE_COPY_SINCE = 150_000
/** For what hangs. */
const CONNECT_MS = 30_000

/** A database of one's own, migrated and with the partitions of these days; `await using` drops it. About 20 ms. */
export async function freshDatabase({ migrated = true, max = 4 }: FreshDatabaseOptions = {}): Promise<FreshDatabase> {
  const run = inject('runDatabase')
  const name = `${run.prefix}_${randomBytes(6).toString('hex')}`
  await asAdmin(run.url, (admin) => create(admin, name, migrated ? run.template : 'template0'))
  const url = withDatabase(run.url, name)
  const database = createDb({ url, max, connectTimeoutMs: CONNECT_MS })
  return {
    ...database,
    url,
    async [Symbol.asyncDispose]() {
      await database.close(1_000)
      await asAdmin(run.url, (admin) => admin`drop database if exists ${admin(name)} with (force)`)
    },
  }
}

async function create(admin: postgres.Sql, name: string, template: string): Promise<void> {
  const [server] = await admin<{ version: number }[]>`select current_setting('server_version_num')::int as version`
  const strategy = (server?.version ?? 0) >= FILE_COPY_SINCE ? 'strategy file_copy' : ''
  await admin.unsafe(`create database ${name} template ${template} ${strategy}`)
}

async function asAdmin(url: string, act: (admin: postgres.Sql) => PromiseLike<unknown>): Promise<void> {
  const admin = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await act(admin)
  } finally {
    await admin.end({ timeout: 5 })
  }
}
