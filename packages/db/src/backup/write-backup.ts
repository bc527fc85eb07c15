import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Sql } from 'postgres'
import { openCopyConnection } from './copy-connection.ts'
import { type BackupEnd, BackupError, type BackupHead, type BackupSection, line, openBackup } from './format.ts'
import { migrationsOf, partitionNames, sequencesOf, tablesInOrder } from './tables.ts'

interface WriteOptions {
  url: string
  path: string
  now: Date
}

/**
 * Writes everything the schema holds into a file, as it is at one moment, while others go on writing; only the queue of
 * jobs is left out, which makes itself anew. The file is for its owner's eyes alone and is there whole or not at all.
 *
 * @returns rows by table
 */
export async function writeBackup({ url, path, now }: WriteOptions): Promise<Record<string, number>> {
  const partial = `${path}.partial`
  const file = await openBackup(partial, 'wx')
  const sql = openCopyConnection(url)
  try {
    const rows: Record<string, number> = {}
    await sql`begin isolation level repeatable read read only`
    const content = Readable.from(backupOf(sql, now, rows), { objectMode: false })
    await pipeline(content, createGzip(), file.createWriteStream({ flush: true }))
    await rename(partial, path)
    return rows
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  } finally {
    await sql.end({ timeout: 0 })
    await file.close().catch(() => {})
  }
}

async function* backupOf(sql: Sql, now: Date, rows: Record<string, number>): AsyncGenerator<Buffer> {
  const migrations = await migrationsOf(sql)
  if (migrations === 0) throw new BackupError('There is nothing to back up: the database has no Turnpike schema.')
  const sections = await tablesInOrder(sql)
  const head: BackupHead = {
    format: 'turnpike-backup',
    version: 1,
    createdAt: now.toISOString(),
    migrations,
    partitions: await partitionNames(sql),
    tables: sections.map(({ table }) => table),
  }
  yield line(head)
  for (const section of sections) {
    yield line(section)
    rows[section.table] = yield* rowsOf(sql, section)
  }
  const end: BackupEnd = { rows, sequences: await sequencesOf(sql) }
  yield line(end)
}

async function* rowsOf(sql: Sql, { table, columns }: BackupSection): AsyncGenerator<Buffer, number> {
  let count = 0
  const stream = await sql`copy (select ${sql(columns)} from ${sql(table)}) to stdout`.readable()
  for await (const chunk of stream) {
    const bytes: Buffer = chunk
    for (const byte of bytes) if (byte === NEWLINE) count++
    yield line(bytes.length)
    yield bytes
  }
  yield line(0)
  return count
}

/** COPY writes one row a line, and never a newline inside one. */
const NEWLINE = 0x0a
