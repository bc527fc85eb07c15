import { getTableName, is } from 'drizzle-orm'
import { PgTable } from 'drizzle-orm/pg-core'
import { expect, test } from 'vitest'
import { migrateTo } from './backup/migrate-to.ts'
import { migrate } from './migrate.ts'
import { ensurePartitionsFor } from './partitions.ts'
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

test('roll-ups from before rows of single dimensions are marked as without them', async () => {
  await using fresh = await freshDatabase({ migrated: false })
  const { sql } = fresh
  await migrateTo(fresh.url, 18)
  const hour = new Date('2026-01-05T07:00:00Z')
  await ensurePartitionsFor(sql, [hour], 'ops_dimension_stats_hourly')
  for (const [table, bucket] of [
    ['ops_dimension_stats_hourly', hour],
    ['ops_dimension_stats_daily', new Date('2026-01-05T00:00:00Z')],
  ] as const) {
    const columns = await sql<{ name: string }[]>`
      select column_name as name from information_schema.columns
      where table_name = ${table} and data_type = 'bigint' and is_nullable = 'NO'`
    const row = { bucket, dimension: 'tuple', tuple: 't', is_other: false }
    await sql`insert into ${sql(table)} ${sql({ ...row, ...Object.fromEntries(columns.map(({ name }) => [name, 0])) })}`
  }
  await sql`update ops_data_retention_config set days = 30 where table_name = 'usage_logs'`
  await migrate(fresh.url)
  expect(await sql`select step, bucket from ops_rollups_due order by step`).toEqual([
    { step: 'day-singles', bucket: new Date('2026-01-05T00:00:00Z') },
    { step: 'hour-singles', bucket: hour },
  ])
  const [kept] = await sql`select days from ops_data_retention_config where table_name = 'usage_rollups'`
  expect(kept).toEqual({ days: 30 })
}, 180_000)
