import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHistogram } from '@turnpike/core/ops/histogram'
import { createDb, type Db, ensurePartitionsFor, fillSingles, migrate, rollUpUsage } from '@turnpike/db'
import { startEmbeddedPostgres } from '@turnpike/db/embedded'
import type { Sql } from 'postgres'
import { BIN_COUNTS, binColumns, countsOfDay, dailyCounts } from './scaled-counts.ts'
import { errorsOfDay, ledgerOfDay } from './scaled-rows.ts'

export const DAY_MS = 86_400_000
/** What is kept of each kind, as ops.md has it. */
const KEPT_DAYS = { errors: 30, minutes: 30, buckets: 2 }
const SAMPLES = 16
const FILLING_MS = 1_800_000
/** Each knows the partitions after its first question about them. */
const CONNECTIONS = 4
/** As a server of this size is set up; nothing of it has to survive. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '512MB',
  maintenance_work_mem: '256MB',
  max_wal_size: '4GB',
  // Rows of a table that is made in the same transaction are then not logged at all.
  wal_level: 'minimal',
  max_wal_senders: '0',
  // It would clean up beside the questions; once filled, everything is.
  autovacuum: 'off',
  // What a question costs is then read off its own process.
  max_parallel_workers_per_gather: '0',
}

export interface Scale {
  ledgerRows: number
  days: number
}

export interface ScaledOptions {
  /** Where it stays; undefined = it does not. */
  dataDir: string | undefined
  step(text: string): void
}

export interface ScaledDatabase extends AsyncDisposable {
  database: Db
  /** The moment it was filled up to, ms since the epoch: a whole minute. */
  nowMs: number
}

/**
 * A PostgreSQL of its own with a ledger of so many rows, their errors and all roll-ups. Everything is gone when it is disposed,
 * unless it has a directory to stay in: then it is filled once, and only brought to the newest schema the next time.
 */
export async function openScaledDatabase(scale: Scale, { dataDir, step }: ScaledOptions): Promise<ScaledDatabase> {
  await using opened = new AsyncDisposableStack()
  const dir = dataDir ?? (await mkdtemp(join(tmpdir(), 'turnpike-bench-')))
  if (dataDir === undefined) opened.defer(() => rm(dir, { recursive: true, force: true }))
  const server = await startEmbeddedPostgres({ dataDir: dir, settings: SETTINGS })
  opened.defer(() => server.stop())
  const startedAt = performance.now()
  await migrate(server.url)
  const database = createDb({ url: server.url, max: CONNECTIONS, statementTimeoutMs: FILLING_MS })
  opened.defer(() => database.close())
  const kept = await keptMoment(database.sql, scale)
  if (kept !== null) step(`the database is there; migrated in ${Math.round(performance.now() - startedAt)} ms`)
  const nowMs = kept ?? (await fillUp(database.sql, scale, step))
  await addSingles(database.sql, step)
  step('rolling up the usage')
  while ((await rollUpUsage(database.sql, new Date(nowMs))) > 0);
  const held = opened.move()
  return { database, nowMs, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

/** The moment a database of this size was filled up to; null = it is empty. */
async function keptMoment(sql: Sql, { ledgerRows, days }: Scale): Promise<number | null> {
  const [found] = await sql<{ exists: boolean }[]>`select to_regclass('bench_bins') is not null as exists`
  if (!found?.exists) return null
  const [filled] = await sql<{ nowMs: number }[]>`
    select now_ms::float8 as "nowMs" from bench_filled where ledger_rows = ${ledgerRows} and days = ${days}`
  if (!filled) throw new Error('The directory holds a database of another size, or one half filled: remove it.')
  return filled.nowMs
}

async function fillUp(sql: Sql, scale: Scale, step: (text: string) => void): Promise<number> {
  const nowMs = Math.floor(Date.now() / 60_000) * 60_000
  await sql`create table bench_filled (ledger_rows bigint, days int, now_ms bigint)`
  await fill(sql, scale, { nowMs, step })
  await sql`insert into bench_filled values (${scale.ledgerRows}, ${scale.days}, ${nowMs})`
  // What was only in memory would be lost with the server: nothing of it was logged.
  await sql`checkpoint`
  return nowMs
}

async function fill(
  sql: Sql,
  { ledgerRows, days }: Scale,
  { nowMs, step }: { nowMs: number; step(text: string): void },
) {
  await plantPeople(sql)
  await plantHistograms(sql)
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS
  for (let back = days - 1; back >= 0; back--) {
    if (back % 10 === 9 || back === 0) step(`filling the ledger: day ${days - back} of ${days}`)
    const day = { startMs: today - back * DAY_MS, endMs: Math.min(today - (back - 1) * DAY_MS, nowMs) }
    const share = (day.endMs - day.startMs) / DAY_MS
    await ensurePartitionsFor(sql, [new Date(day.startMs)], 'ops_dimension_stats_hourly')
    await sql.begin(async (tx) => {
      await ledgerOfDay(tx, day, Math.round((ledgerRows / days) * share))
      if (back < KEPT_DAYS.errors) await errorsOfDay(tx, day, Math.round((ledgerRows / days / 25) * share))
      await countsOfDay(tx, day, { hasMinutes: back < KEPT_DAYS.minutes, hasBuckets: back < KEPT_DAYS.buckets })
    })
  }
  await dailyCounts(sql, { startMs: today - (days - 1) * DAY_MS, endMs: today })
  // As roll-ups that were made before there were rows of single dimensions.
  await sql`insert into ops_rollups_due (step, bucket)
    select distinct 'hour-singles', bucket from ops_dimension_stats_hourly where dimension = 'tuple'
    union all select distinct 'day-singles', bucket from ops_dimension_stats_daily where dimension = 'tuple'`
  // Time that still runs is read from the finer rows.
  await sql`insert into ops_rollups_due (step, bucket) values
    ('day', ${new Date(today)}), ('hour', ${new Date(Math.floor(nowMs / 3_600_000) * 3_600_000)})
    on conflict do nothing`
  step('cleaning up and analysing')
  await sql`vacuum (analyze)`
}

async function addSingles(sql: Sql, step: (text: string) => void): Promise<void> {
  const startedAt = performance.now()
  let filled = 0
  for (let more = await fillSingles(sql); more > 0; more = await fillSingles(sql)) filled += more
  if (filled === 0) return
  step(`rows of single dimensions added to ${filled} roll-ups in ${Math.round(performance.now() - startedAt)} ms`)
  await sql`vacuum (analyze) ops_dimension_stats_hourly, ops_dimension_stats_daily`
}

async function plantPeople(sql: Sql): Promise<void> {
  await sql`insert into users (email, name, role) select 'user' || n || '@bench.test', 'User ' || n, 'user'
    from generate_series(1, 200) n`
  await sql`insert into groups (name) select 'Group ' || n from generate_series(1, 3) n`
}

/** Bins of real histograms for rows of counts to choose from, by how many requests a row counts. */
async function plantHistograms(sql: Sql): Promise<void> {
  await sql`create table bench_bins (variant int primary key, ${sql.unsafe(binColumns())})`
  for (let n = 0; n < SAMPLES; n++) {
    const all = Object.values(BIN_COUNTS).flatMap((count) => [binsOf(count, 900, n), binsOf(count, 0.4, n)])
    await sql`insert into bench_bins select ${n}${all.reduce((row, bins) => sql`${row}, ${bins}::bigint[]`, sql``)}`
  }
}

/** Of durations around `middleMs`, spread as those of a model are; the same for the same seed. */
function binsOf(count: number, middleMs: number, seed: number): number[] {
  const histogram = createHistogram()
  for (let at = 0; at < count; at++) {
    const unit = Math.abs(Math.sin((seed + 1) * 12.9898 + at * 78.233) * 43_758.5453) % 1
    histogram.record(middleMs * Math.exp(2.2 * (unit - 0.5)))
  }
  return histogram.bins()
}
