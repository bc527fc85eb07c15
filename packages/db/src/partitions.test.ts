import { expect, test } from 'vitest'
import { dropPartitionsBefore, ensurePartitions, ensurePartitionsFor, PARTITIONED_TABLES } from './partitions.ts'
import { type FreshDatabase, freshDatabase } from './testing/fresh-database.ts'

async function partitionNames({ sql }: FreshDatabase): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = 'usage_logs'::regclass order by 1`
  return rows.map(({ name }) => name)
}

async function dropPartitions(fresh: FreshDatabase): Promise<void> {
  for (const name of await partitionNames(fresh)) await fresh.sql`drop table ${fresh.sql(name)}`
}

test('makes the days from yesterday to a week ahead, whoever asks how often', async () => {
  await using fresh = await freshDatabase()
  await dropPartitions(fresh)
  const now = new Date('2026-02-26T23:59:59.999Z')
  await Promise.all([1, 2, 3, 4].map(() => ensurePartitions(fresh.sql, now)))
  await ensurePartitions(fresh.sql, now)
  expect(await partitionNames(fresh)).toEqual([
    'usage_logs_2026_02_25',
    'usage_logs_2026_02_26',
    'usage_logs_2026_02_27',
    'usage_logs_2026_02_28',
    'usage_logs_2026_03_01',
    'usage_logs_2026_03_02',
    'usage_logs_2026_03_03',
    'usage_logs_2026_03_04',
    'usage_logs_2026_03_05',
  ])
})

test('cuts the days at midnight UTC, whatever the time zone of the session', async () => {
  await using fresh = await freshDatabase({ max: 1 })
  await fresh.sql`set time zone 'Asia/Tokyo'`
  await ensurePartitionsFor(fresh.sql, [new Date('2025-05-05T00:00:00Z'), new Date('2025-05-05T23:59:59.999Z')])
  await fresh.sql`set time zone 'UTC'`
  const [row] = await fresh.sql`
    select pg_get_expr(relpartbound, oid) as bounds from pg_class where relname = 'usage_logs_2025_05_05'`
  expect(row?.bounds).toBe("FOR VALUES FROM ('2025-05-05 00:00:00+00') TO ('2025-05-06 00:00:00+00')")
})

test('gives a new partition the primary key and every index of the ledger', async () => {
  await using fresh = await freshDatabase()
  await ensurePartitionsFor(fresh.sql, [new Date('2025-05-05T12:00:00Z')])
  const [row] = await fresh.sql`
    select (select count(*) from pg_index where indrelid = 'usage_logs'::regclass)::int as parent,
      (select count(*) from pg_index where indrelid = 'usage_logs_2025_05_05'::regclass)::int as partition`
  expect(row?.partition).toBe(row?.parent)
  expect(row?.parent).toBeGreaterThan(1)
})

test('makes nobody wait: a partition comes while a reader and a writer are at work', async () => {
  await using fresh = await freshDatabase()
  await fresh.sql.begin(async (tx) => {
    await tx`lock table usage_logs in row exclusive mode`
    await ensurePartitionsFor(fresh.sql, [new Date('2025-05-05T12:00:00Z')])
  })
  expect(await partitionNames(fresh)).toContain('usage_logs_2025_05_05')
})

test('knows every partitioned table', async () => {
  await using fresh = await freshDatabase()
  const rows = await fresh.sql<{ name: string }[]>`select partrelid::regclass::text as name from pg_partitioned_table`
  expect(rows.map(({ name }) => name).toSorted()).toEqual(Object.keys(PARTITIONED_TABLES).toSorted())
})

test('months are partitions of what is kept by the hour', async () => {
  await using fresh = await freshDatabase({ max: 1 })
  await ensurePartitionsFor(fresh.sql, [new Date('2025-12-31T23:59:59.999Z')], 'ops_dimension_stats_hourly')
  const [row] = await fresh.sql`
    select pg_get_expr(relpartbound, oid) as bounds from pg_class where relname = 'ops_dimension_stats_hourly_2025_12'`
  expect(row?.bounds).toMatch(/FROM \('2025-12-01 00:00:00.*TO \('2026-01-01 00:00:00/)
})

test('drops whole partitions only: those that end before the time', async () => {
  await using fresh = await freshDatabase()
  await dropPartitions(fresh)
  await ensurePartitionsFor(
    fresh.sql,
    [1, 2, 3, 4].map((day) => new Date(Date.UTC(2025, 4, day))),
  )
  await dropPartitionsBefore(fresh.sql, 'usage_logs', new Date('2025-05-03T12:00:00Z'))
  expect(await partitionNames(fresh)).toEqual(['usage_logs_2025_05_03', 'usage_logs_2025_05_04'])
})
