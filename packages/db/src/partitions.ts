import type { Sql } from 'postgres'

const DAY_MS = 86_400_000
const DAYS_BACK = 1
const DAYS_AHEAD = 7
const LOCK_KEY = 'turnpike:partitions'
const LOCK_TIMEOUT_MS = 5_000

/** Makes the ledger's partitions from yesterday to a week ahead of `now`; safe at any time, from any process. */
export async function ensurePartitions(sql: Sql, now: Date): Promise<void> {
  const days = Array.from({ length: DAYS_BACK + 1 + DAYS_AHEAD }, (_, index) => index - DAYS_BACK)
  await ensurePartitionsFor(
    sql,
    days.map((day) => new Date(now.getTime() + day * DAY_MS)),
  )
}

/**
 * Makes the partitions that rows of these times need. There is no default partition on purpose: rows in it would stand
 * in the way of the partition they belong to. Who meets a missing one (a journal adopted late) calls this and goes on.
 */
export async function ensurePartitionsFor(sql: Sql, times: readonly Date[]): Promise<void> {
  const days = [...new Set(times.map(startOfDay))].toSorted((a, b) => a - b)
  const missing = await withoutPartition(sql, days)
  if (missing.length === 0) return
  await sql.begin(async (tx) => {
    await tx`select set_config('lock_timeout', ${`${LOCK_TIMEOUT_MS}ms`}, true)`
    await tx`select pg_advisory_xact_lock(hashtextextended(${LOCK_KEY}, 0))`
    for (const day of await withoutPartition(tx, missing)) await tx.unsafe(partitionStatements(day))
  })
}

async function withoutPartition(sql: Pick<Sql, 'unsafe'>, days: readonly number[]): Promise<number[]> {
  const rows = await sql.unsafe<{ name: string }[]>(
    `select child.relname as name from pg_inherits
     join pg_class child on child.oid = inhrelid
     where inhparent = 'usage_logs'::regclass`,
  )
  const existing = new Set(rows.map(({ name }) => name))
  return days.filter((day) => !existing.has(partitionName(day)))
}

/** Made aside and attached: unlike `create table … partition of`, that never makes readers or writers wait. */
function partitionStatements(day: number): string {
  const name = partitionName(day)
  const from = new Date(day).toISOString()
  const to = new Date(day + DAY_MS).toISOString()
  return `
    create table ${name} (like usage_logs including defaults including constraints);
    alter table usage_logs attach partition ${name} for values from ('${from}') to ('${to}');`
}

function partitionName(day: number): string {
  return `usage_logs_${new Date(day).toISOString().slice(0, 10).replaceAll('-', '_')}`
}

function startOfDay(time: Date): number {
  return Math.floor(time.getTime() / DAY_MS) * DAY_MS
}
