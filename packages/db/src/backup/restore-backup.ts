import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { Sql } from 'postgres'
import type { z } from 'zod'
import { migrate } from '../migrate.ts'
import { ensurePartitionsNamed } from '../partitions.ts'
import { type ByteReader, createByteReader } from './byte-reader.ts'
import { openCopyConnection } from './copy-connection.ts'
import { BackupEnd, BackupError, BackupHead, BackupSection, openBackup } from './format.ts'
import { migrateTo, migrationCount } from './migrate-to.ts'
import { migrationsOf, tablesInOrder } from './tables.ts'

interface RestoreOptions {
  url: string
  path: string
}

/**
 * Fills an empty database with what a backup holds, in one transaction, and brings it to this version's schema: all of it,
 * or nothing where the file is damaged or was cut.
 *
 * Throws BackupError where the database is in use, or the file is of a newer version or none.
 *
 * @returns rows by table
 */
export async function restoreBackup({ url, path }: RestoreOptions): Promise<Record<string, number>> {
  const file = (await openBackup(path, 'r')).createReadStream()
  const content = file.pipe(createGunzip())
  file.once('error', (error) => content.destroy(error))
  const sql = openCopyConnection(url)
  try {
    const reader = createByteReader(content)
    const head = await readPart(reader, BackupHead)
    if (head.migrations > (await migrationCount())) {
      throw new BackupError('The backup was made by a newer version of Turnpike: restore it with that one.')
    }
    await requireEmpty(sql)
    await migrateTo(url, head.migrations)
    await ensurePartitionsNamed(sql, head.partitions)
    await sql`begin`
    const rows = await fill(sql, reader, head)
    await sql`commit`
    await migrate(url)
    return rows
  } catch (error) {
    throw isUnreadable(error)
      ? new BackupError('This is no backup of Turnpike, or it is damaged.', { cause: error })
      : error
  } finally {
    await sql.end({ timeout: 0 })
    file.destroy()
    content.destroy()
  }
}

async function requireEmpty(sql: Sql): Promise<void> {
  if ((await migrationsOf(sql)) === 0) return
  const [row] = await sql<{ isUsed: boolean }[]>`
    select exists (select from users) or exists (select from usage_logs) as "isUsed"`
  if (row?.isUsed) throw new BackupError('The database is in use: a backup is restored into an empty one.')
}

async function fill(sql: Sql, reader: ByteReader, head: BackupHead): Promise<Record<string, number>> {
  const sections = await tablesInOrder(sql)
  // Rows that migrations themselves put there are in the backup as they were left.
  for (const { table } of sections.toReversed()) {
    const [row] = await sql<{ isFilled: boolean }[]>`select exists (select from ${sql(table)}) as "isFilled"`
    if (row?.isFilled) await sql`delete from ${sql(table)}`
  }
  for (const table of head.tables) {
    const section = await readPart(reader, BackupSection)
    if (section.table !== table) throw new BackupError('The backup is damaged: its tables are not as it says.')
    await fillTable(sql, reader, section)
  }
  const end = await readPart(reader, BackupEnd)
  for (const [sequence, value] of Object.entries(end.sequences)) {
    if (value !== null) await sql`select setval(${`public.${sequence}`}::regclass, ${value}::bigint)`
  }
  return end.rows
}

async function fillTable(sql: Sql, reader: ByteReader, { table, columns }: BackupSection): Promise<void> {
  const target = await sql`copy ${sql(table)} (${sql(columns)}) from stdin`.writable()
  const written = finished(target)
  // Whoever waits for it below hears of it; until then it is nobody's.
  written.catch(() => {})
  for (;;) {
    const bytes = Number(await reader.readLine())
    if (!Number.isSafeInteger(bytes)) throw new BackupError('The backup is damaged.')
    if (bytes === 0) break
    for await (const piece of reader.readBytes(bytes)) {
      if (!target.write(piece)) await Promise.race([once(target, 'drain'), written])
    }
  }
  target.end()
  await written
}

async function readPart<T extends z.ZodType>(reader: ByteReader, schema: T): Promise<z.infer<T>> {
  const text = await reader.readLine()
  if (text === null) throw new BackupError('The backup ends too early: it was cut.')
  const parsed = schema.safeParse(jsonOf(text))
  if (!parsed.success)
    throw new BackupError('This is no backup of Turnpike, or it is damaged.', { cause: parsed.error })
  return parsed.data
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // What it is instead is told by the schema that does not fit.
    return null
  }
}

/** zlib's own words for a file that is none of its, or was cut. */
function isUnreadable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
}
