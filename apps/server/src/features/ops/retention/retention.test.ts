import { balanceMismatches, ensurePartitionsFor, insertOutcomes, rollUpUsage } from '@turnpike/db'
import { type FreshDatabase, freshDatabase } from '@turnpike/db/testing'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import { trpcWorld } from '../../../testing/trpc-world.ts'
import { cleanUp } from './clean-up.ts'
import { storageOf } from './storage.ts'

const DAY_MS = 86_400_000
const NOW = new Date()

function ago(days: number): Date {
  return new Date(NOW.getTime() - days * DAY_MS)
}

async function daysOf({ sql }: FreshDatabase, table: string): Promise<number[]> {
  const rows = await sql<{ at: Date }[]>`select created_at as at from ${sql(table)} order by 1`
  return rows.map(({ at }) => Math.round((NOW.getTime() - at.getTime()) / DAY_MS)).toSorted((a, b) => a - b)
}

test('what is older than its days goes with its whole partition, and what was done is noted', async () => {
  await using fresh = await freshDatabase()
  const { sql } = fresh
  const outcomes = [1, 399, 402, 500].map((days) => makeOutcome({ createdAtMs: ago(days).getTime() }))
  await insertOutcomes(
    sql,
    outcomes.map((outcome) => JSON.stringify(outcome)),
  )
  for (const table of ['ops_samples', 'ops_instances'] as const) {
    const columns =
      table === 'ops_samples'
        ? sql`(bucket, instance_id, boot_id, sample)`
        : sql`(seen_at, instance_id, boot_id, version, started_at, flushed_to)`
    for (const days of [0, 1, 3, 100]) {
      const bootId = `00000000-0000-7000-8000-${String(days).padStart(12, '0')}`
      const rest = table === 'ops_samples' ? sql`'{}'::jsonb` : sql`'1', now(), now()`
      await sql`insert into ${sql(table)} ${columns} values (${ago(days)}, 'i', ${bootId}, ${rest})`
    }
  }
  await cleanUp(sql, NOW)
  expect(await daysOf(fresh, 'usage_logs')).toEqual([1, 399])
  const [left] =
    await sql`select (select count(*)::int from ops_samples) as samples, (select count(*)::int from ops_instances) as lives`
  expect(left).toEqual({ samples: 2, lives: 3 })
  const [config] =
    await sql`select last_cleanup_at is not null as ran, last_cleanup_rows::int as rows from ops_data_retention_config
    where table_name = 'ops_samples'`
  expect(config).toEqual({ ran: true, rows: 2 })
})

test('for ever is for ever, and what is switched off stays', async () => {
  await using fresh = await freshDatabase()
  const { sql } = fresh
  const outcome = makeOutcome({ createdAtMs: ago(2_000).getTime() })
  await insertOutcomes(sql, [JSON.stringify(outcome)])
  await sql`update ops_data_retention_config set days = null where table_name = 'usage_logs'`
  await cleanUp(sql, NOW)
  expect(await daysOf(fresh, 'usage_logs')).toEqual([2_000])
  await sql`update ops_data_retention_config set days = 10, enabled = false where table_name = 'usage_logs'`
  await cleanUp(sql, NOW)
  expect(await daysOf(fresh, 'usage_logs')).toEqual([2_000])
})

test('bills that are kept no longer still explain their balance', async () => {
  await using fresh = await freshDatabase()
  const { sql } = fresh
  await sql`insert into users (email, balance_nano) values ('one@turnpike.test', 0)`
  await sql`insert into balance_changes (user_id, kind, amount_nano, reason) values (1, 'adjustment', 1000, 'paid')`
  const bills = [500, 30].map((days) =>
    makeOutcome({ createdAtMs: ago(days).getTime(), userId: 1, billing: 'balance', billedNano: 300 }),
  )
  await insertOutcomes(
    sql,
    bills.map((outcome) => JSON.stringify(outcome)),
  )
  await sql`update users set balance_nano = 400`
  for (const check of ['counter', 'ledger'] as const) expect(await balanceMismatches(sql, check)).toEqual([])
  await cleanUp(sql, NOW)
  expect(await daysOf(fresh, 'usage_logs')).toEqual([30])
  for (const check of ['counter', 'ledger'] as const) expect(await balanceMismatches(sql, check)).toEqual([])
  const [user] = await sql`select balance_nano::int as balance, billed_nano::int as billed from users`
  expect(user).toEqual({ balance: 400, billed: 300 })
})

test('roll-ups of the ledger go with its days, or sooner, and are not made again', async () => {
  await using fresh = await freshDatabase()
  const { sql } = fresh
  const bills = [1, 4, 7].map((days) => makeOutcome({ createdAtMs: ago(days).getTime() }))
  await insertOutcomes(
    sql,
    bills.map((outcome) => JSON.stringify(outcome)),
  )
  while ((await rollUpUsage(sql, NOW)) > 0);
  const made = async () => {
    const rows = await sql<{ at: Date }[]>`
      select distinct bucket as at from usage_rollups join usage_rollups_made using (step, bucket)
      where dimension = 'all' and is_made and requests > 0 and step = 'hour' order by 1`
    return rows.map(({ at }) => Math.floor((NOW.getTime() - at.getTime()) / DAY_MS))
  }
  expect(await made()).toEqual([7, 4, 1])
  await sql`update ops_data_retention_config set days = 5 where table_name = 'usage_logs'`
  await cleanUp(sql, NOW)
  expect(await made()).toEqual([4, 1])
  await sql`update ops_data_retention_config set days = 2 where table_name = 'usage_rollups'`
  await cleanUp(sql, NOW)
  while ((await rollUpUsage(sql, NOW)) > 0);
  expect(await made()).toEqual([1])
  expect(await daysOf(fresh, 'usage_logs')).toEqual([1, 4])
  const { tables } = await storageOf(sql, null, NOW.getTime())
  const rollUps = tables.find(({ tableName }) => tableName === 'usage_rollups')
  expect(rollUps).toMatchObject({ days: 2, enabled: true })
  expect(rollUps?.bytes).toBeGreaterThan(0)
}, 120_000)

test('storage tells what a day of each table takes', async () => {
  await using fresh = await freshDatabase()
  const { sql } = fresh
  await ensurePartitionsFor(sql, [ago(3)])
  const outcomes = Array.from({ length: 500 }, () => makeOutcome({ createdAtMs: ago(3).getTime() }))
  await insertOutcomes(
    sql,
    outcomes.map((outcome) => JSON.stringify(outcome)),
  )
  await sql`analyze usage_logs`
  const { tables, databaseBytes, disk, diskFullAt } = await storageOf(sql, '.', NOW.getTime())
  const ledger = tables.find(({ tableName }) => tableName === 'usage_logs')
  expect(ledger).toMatchObject({ rows: 500, days: 400, enabled: true })
  expect(ledger?.bytesPerDay).toBeGreaterThan(100_000)
  expect(ledger?.bytesWhenFull).toBe((ledger?.bytesPerDay ?? 0) * 400)
  expect(databaseBytes).toBeGreaterThan(1_000_000)
  expect(disk?.free).toBeGreaterThan(0)
  expect(diskFullAt === null || Date.parse(diskFullAt) > NOW.getTime()).toBe(true)
  expect((await storageOf(sql, null, NOW.getTime())).disk).toBeNull()
})

test('storage tells the size of tables without partitions too, and rows only where they were counted', async () => {
  await using fresh = await freshDatabase()
  const { sql } = fresh
  await sql`insert into ops_instances (boot_id, instance_id, version, started_at, seen_at, flushed_to)
    select gen_random_uuid(), 'i' || n, '1', now(), now(), now() from generate_series(1, 50) n`
  const table = async () => {
    const { tables } = await storageOf(sql, null, Date.now())
    return tables.find(({ tableName }) => tableName === 'ops_instances')
  }
  expect(await table()).toMatchObject({ rows: null })
  expect((await table())?.bytes).toBeGreaterThan(0)
  await sql`analyze ops_instances`
  expect(await table()).toMatchObject({ rows: 50 })
})

test('days are set by an admin, never to none, and the change is in the audit log', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const set = (input: object) => world.post('ops.retention.set', { cookie, input })
  expect(await set({ tableName: 'ops_error_logs', days: 7 })).toMatchObject({
    status: 200,
    data: { tableName: 'ops_error_logs', days: 7, enabled: true },
  })
  expect(await set({ tableName: 'ops_error_logs', days: null })).toMatchObject({ status: 200, data: { days: null } })
  expect(await set({ tableName: 'ops_error_logs', days: 0 })).toMatchObject({
    status: 400,
    error: { data: { field: 'days' } },
  })
  expect(await set({ tableName: 'users', days: 1 })).toMatchObject({ status: 404 })
  const rows = await world.database
    .sql`select action, change from audit_log where action = 'ops.retention.set' order by id`
  expect(rows).toHaveLength(2)
})
