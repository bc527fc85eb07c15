import type { Sql, TransactionSql } from 'postgres'

/** Every partitioned table, and the span of time one partition of it holds, in UTC. */
export const PARTITIONED_TABLES = {
  usage_logs: 'day',
  ops_buckets: 'day',
  ops_dimension_stats: 'day',
  ops_dimension_stats_hourly: 'month',
  ops_system_metrics: 'day',
  ops_error_logs: 'day',
} as const satisfies Record<string, 'day' | 'month'>
export type PartitionedTable = keyof typeof PARTITIONED_TABLES

const DAY_MS = 86_400_000
const DAYS_BACK = 1
/** What the gateway writes must never wait for a partition; the others are written again when they do. */
const DAYS_AHEAD = { usage_logs: 7 } as Partial<Record<PartitionedTable, number>>
const DAYS_AHEAD_OF_OTHERS = 2
const LOCK_KEY = 'turnpike:partitions'
const LOCK_TIMEOUT_MS = 5_000

/** Makes every table's partitions from yesterday to some days ahead of `now`; safe at any time, from any process. */
export async function ensurePartitions(sql: Sql, now: Date): Promise<void> {
  for (const table of tables()) {
    const daysAhead = DAYS_AHEAD[table] ?? DAYS_AHEAD_OF_OTHERS
    const days = Array.from({ length: DAYS_BACK + 1 + daysAhead }, (_, index) => index - DAYS_BACK)
    const times = days.map((day) => new Date(now.getTime() + day * DAY_MS))
    await ensurePartitionsFor(sql, times, table)
  }
}

/**
 * Makes the partitions that rows of these times need. There is no default partition on purpose: rows in it would stand
 * in the way of the partition they belong to. Who meets a missing one (a journal adopted late) calls this and goes on.
 */
export async function ensurePartitionsFor(
  sql: Sql,
  times: readonly Date[],
  table: PartitionedTable = 'usage_logs',
): Promise<void> {
  const starts = [...new Set(times.map((time) => startOf(table, time)))].toSorted((a, b) => a - b)
  const missing = await withoutPartition(sql, table, starts)
  if (missing.length === 0) return
  await sql.begin(async (tx) => {
    await tx`select set_config('lock_timeout', ${`${LOCK_TIMEOUT_MS}ms`}, true)`
    await tx`select pg_advisory_xact_lock(hashtextextended(${LOCK_KEY}, 0))`
    for (const start of await withoutPartition(tx, table, missing)) await tx.unsafe(partitionStatements(table, start))
  })
}

/** Makes partitions that another database had, by their names; names of none of the tables are passed over. */
export async function ensurePartitionsNamed(sql: Sql, names: readonly string[]): Promise<void> {
  for (const table of tables()) {
    const starts = names.flatMap((name) => startOfNamed(table, name))
    // An older schema has not all of the tables.
    if (starts.length > 0) await ensurePartitionsFor(sql, starts, table)
  }
}

/**
 * Drops the partitions that hold nothing of `before` or later, each after `rescue` has taken from it what must stay, in one
 * transaction; resolves with how many rows they held, as far as the database knows without counting.
 */
export async function dropPartitionsBefore(
  sql: Sql,
  table: PartitionedTable,
  before: Date,
  rescue: (tx: TransactionSql, partition: string) => Promise<void> = async () => {},
): Promise<number> {
  const oldest = partitionName(table, startOf(table, before))
  return sql.begin(async (tx) => {
    await tx`select set_config('lock_timeout', ${`${LOCK_TIMEOUT_MS}ms`}, true)`
    await tx`select pg_advisory_xact_lock(hashtextextended(${LOCK_KEY}, 0))`
    const rows = await tx<{ name: string; rows: number }[]>`
      select child.relname as name, greatest(child.reltuples, 0)::float8 as rows from pg_inherits
      join pg_class child on child.oid = inhrelid
      where inhparent = ${table}::regclass and child.relname < ${oldest} order by child.relname`
    for (const { name } of rows) {
      await rescue(tx, name)
      await tx`drop table ${tx(name)}`
    }
    return rows.reduce((sum, { rows: held }) => sum + held, 0)
  })
}

async function withoutPartition(
  sql: Pick<Sql, 'unsafe'>,
  table: PartitionedTable,
  starts: readonly number[],
): Promise<number[]> {
  const rows = await sql.unsafe<{ name: string }[]>(
    `select child.relname as name from pg_inherits
     join pg_class child on child.oid = inhrelid
     where inhparent = '${table}'::regclass`,
  )
  const existing = new Set(rows.map(({ name }) => name))
  return starts.filter((start) => !existing.has(partitionName(table, start)))
}

/** Made aside and attached: unlike `create table … partition of`, that never makes readers or writers wait. */
function partitionStatements(table: PartitionedTable, start: number): string {
  const name = partitionName(table, start)
  const from = new Date(start).toISOString()
  const to = new Date(endOf(table, start)).toISOString()
  return `
    create table ${name} (like ${table} including defaults including constraints);
    alter table ${table} attach partition ${name} for values from ('${from}') to ('${to}');`
}

/** Names of one table are in the order of time. */
function partitionName(table: PartitionedTable, start: number): string {
  const chars = PARTITIONED_TABLES[table] === 'day' ? 10 : 7
  return `${table}_${new Date(start).toISOString().slice(0, chars).replaceAll('-', '_')}`
}

function startOfNamed(table: PartitionedTable, name: string): Date[] {
  const [, year, month, day = '01'] = new RegExp(`^${table}_(\\d{4})_(\\d{2})(?:_(\\d{2}))?$`).exec(name) ?? []
  return year === undefined ? [] : [new Date(`${year}-${month}-${day}T00:00:00Z`)]
}

function startOf(table: PartitionedTable, time: Date): number {
  if (PARTITIONED_TABLES[table] === 'day') return Math.floor(time.getTime() / DAY_MS) * DAY_MS
  return Date.UTC(time.getUTCFullYear(), time.getUTCMonth())
}

function endOf(table: PartitionedTable, start: number): number {
  if (PARTITIONED_TABLES[table] === 'day') return start + DAY_MS
  const time = new Date(start)
  return Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1)
}

/** Safe because the keys are written above. */
function tables(): PartitionedTable[] {
  return Object.keys(PARTITIONED_TABLES) as PartitionedTable[]
}
