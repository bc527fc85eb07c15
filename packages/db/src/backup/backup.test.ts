import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Sql } from 'postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrate } from '../migrate.ts'
import { ensurePartitionsFor } from '../partitions.ts'
import { freshDatabase } from '../testing/fresh-database.ts'
import { makeOutcome } from '../testing/outcome.ts'
import { insertOutcomes } from '../usage-logs/insert-outcomes.ts'
import { migrateTo } from './migrate-to.ts'
import { restoreBackup } from './restore-backup.ts'
import { tablesInOrder } from './tables.ts'
import { writeBackup } from './write-backup.ts'

const NOW = new Date('2026-11-30T12:00:00Z')
const LONG_AGO_MS = Date.parse('2026-01-05T06:07:08Z')
const ODD = 'a "quoted"\ttab, back\\slash,\nnewline, \\. end, NULL \\N, 漢字'

let dir: string
let path: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'turnpike-backup-'))
  path = join(dir, 'backup.gz')
})
afterEach(() => rm(dir, { recursive: true, force: true }))

test('what was backed up is what is restored: every table, old partitions and counters too', async () => {
  await using from = await freshDatabase()
  await plant(from.sql)
  await writeBackup({ url: from.url, path, now: NOW })
  await using to = await freshDatabase({ migrated: false })
  const rows = await restoreBackup({ url: to.url, path })
  expect(rows).toMatchObject({ users: 2, usage_logs: 2 })
  expect(await everything(to.sql)).toEqual(await everything(from.sql))
  const [next] =
    await to.sql`insert into users (email, name, role) values ('next@turnpike.test', '', 'user') returning id::int`
  expect(next).toEqual({ id: 4 })
})

test('is for its owner alone, and leaves an existing file as it is', async () => {
  await using from = await freshDatabase()
  await plant(from.sql)
  await writeBackup({ url: from.url, path, now: NOW })
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  await writeFile(`${path}.partial`, 'of another run')
  await expect(writeBackup({ url: from.url, path, now: NOW })).rejects.toThrow('EEXIST')
  expect(await readFile(`${path}.partial`, 'utf8')).toBe('of another run')
})

test('is not put into a database that is in use', async () => {
  await using from = await freshDatabase()
  await plant(from.sql)
  await writeBackup({ url: from.url, path, now: NOW })
  await expect(restoreBackup({ url: from.url, path })).rejects.toThrow('The database is in use')
})

test('one of an older schema is brought to this one', async () => {
  await using from = await freshDatabase({ migrated: false })
  await migrateTo(from.url, 3)
  await from.sql`insert into users (email, name, role) values ('early@turnpike.test', '', 'user')`
  await writeBackup({ url: from.url, path, now: NOW })
  await using to = await freshDatabase({ migrated: false })
  await restoreBackup({ url: to.url, path })
  await migrate(from.url)
  const [restored, migrated] = [await everything(to.sql), await everything(from.sql)]
  expect(restored.users).toEqual(migrated.users)
  expect(Object.keys(restored)).toEqual(Object.keys(migrated))
})

test.each([
  { fault: 'cut', spoil: async () => truncate(path, (await stat(path)).size - 20), message: 'damaged' },
  {
    fault: 'without its end',
    spoil: () => rewrite((text) => text.slice(0, text.lastIndexOf('{"rows"'))),
    message: 'too early',
  },
  {
    fault: 'of a newer version',
    spoil: () => rewrite((text) => text.replace(/"migrations":\d+/, '"migrations":9999')),
    message: 'newer version',
  },
  { fault: 'no backup', spoil: () => writeFile(path, 'hello'), message: 'no backup' },
  { fault: 'a compressed something else', spoil: () => writeFile(path, gzipSync('hello\n')), message: 'no backup' },
])('a file that is $fault leaves nothing behind', async ({ spoil, message }) => {
  await using from = await freshDatabase()
  await plant(from.sql)
  await writeBackup({ url: from.url, path, now: NOW })
  await spoil()
  await using to = await freshDatabase()
  await expect(restoreBackup({ url: to.url, path })).rejects.toThrow(message)
  const [left] =
    await to.sql`select (select count(*)::int from users) as users, (select count(*)::int from usage_logs) as rows`
  expect(left).toEqual({ users: 0, rows: 0 })
})

async function plant(sql: Sql): Promise<void> {
  await sql`insert into users (email, name, role) values ('a@turnpike.test', ${ODD}, 'user'), ('b@turnpike.test', '', 'user')`
  await sql`insert into users (email, name, role) values ('gone@turnpike.test', '', 'user')`
  await sql`delete from users where email = 'gone@turnpike.test'`
  await ensurePartitionsFor(sql, [new Date(LONG_AGO_MS)])
  const outcomes = [makeOutcome({ createdAtMs: LONG_AGO_MS, userAgent: ODD }), makeOutcome()]
  await insertOutcomes(
    sql,
    outcomes.map((outcome) => JSON.stringify(outcome)),
  )
}

/** Every row of every table, as text. */
async function everything(sql: Sql): Promise<Record<string, string[]>> {
  const tables: Record<string, string[]> = {}
  for (const { table } of await tablesInOrder(sql)) {
    const rows = await sql<{ row: string }[]>`select each::text as row from ${sql(table)} each order by 1`
    tables[table] = rows.map(({ row }) => row)
  }
  return tables
}

async function rewrite(change: (text: string) => string): Promise<void> {
  const text = gunzipSync(await readFile(path)).toString('latin1')
  await writeFile(path, gzipSync(Buffer.from(change(text), 'latin1')))
}
