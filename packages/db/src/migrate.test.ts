import { getTableName, is } from 'drizzle-orm'
import { PgTable } from 'drizzle-orm/pg-core'
import { expect, test } from 'vitest'
import { migrate } from './migrate.ts'
import * as schema from './schema/index.ts'
import { freshDatabase } from './testing/fresh-database.ts'

test('makes every table of the schema in an empty database', async () => {
  await using fresh = await freshDatabase({ migrated: false })
  await migrate(fresh.url)
  const rows = await fresh.sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'
    order by 1`
  const tables = Object.values(schema).filter((member) => is(member, PgTable))
  expect(rows.map(({ name }) => name)).toEqual(tables.map((table) => getTableName(table)).toSorted())
})

test('lets any number of processes migrate at once, and again later', async () => {
  await using fresh = await freshDatabase({ migrated: false })
  await Promise.all(Array.from({ length: 4 }, () => migrate(fresh.url)))
  await migrate(fresh.url)
  const [applied] = await fresh.sql`select count(*)::int as n, count(distinct hash)::int as distinct_n
    from drizzle.__drizzle_migrations`
  expect(applied?.n).toBe(applied?.distinct_n)
  expect(applied?.n).toBeGreaterThan(0)
})

test('gives up waiting for another migration when its time is over', async () => {
  await using fresh = await freshDatabase({ migrated: false })
  await fresh.sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(hashtextextended('turnpike:migrate', 0))`
    await expect(migrate(fresh.url, { lockTimeoutMs: 50 })).rejects.toMatchObject({ code: '55P03' })
  })
})
