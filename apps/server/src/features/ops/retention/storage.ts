import { statfs } from 'node:fs/promises'
import type { Sql } from 'postgres'
import { isPartitioned } from './clean-up.ts'

/** What a table costs. */
export interface TableStorage {
  tableName: string
  bytes: number
  /** As far as the database knows without counting; null = it has not looked yet. */
  rows: number | null
  /** What a day of it takes, by its days so far; null = there is no whole day yet. */
  bytesPerDay: number | null
  /** Null = for ever. */
  days: number | null
  enabled: boolean
  /** What it will take when it is as old as it may become; null = it grows for ever, or nobody knows yet. */
  bytesWhenFull: number | null
  lastCleanupAt: string | null
  lastCleanupRows: number | null
  lastCleanupMs: number | null
}

export interface Storage {
  databaseBytes: number
  bytesPerDay: number
  disk: { free: number; total: number } | null
  /** When the disk would be full if nothing were removed; null = it would not be, or it is elsewhere. */
  diskFullAt: string | null
  tables: TableStorage[]
}

const DAY_MS = 86_400_000
const FAR_DAYS = 36_500

interface TableRow {
  tableName: string
  bytes: string
  rows: number | null
  olderBytes: string | null
  olderDays: number | null
  days: number | null
  enabled: boolean
  lastCleanupAt: Date | null
  lastCleanupRows: string | null
  lastCleanupMs: number | null
}

/** What each table of records costs a day, and when the disk would be full. `dataDir` = where the database is; null = elsewhere. */
export async function storageOf(sql: Sql, dataDir: string | null, nowMs: number): Promise<Storage> {
  const [database] = await sql<{ bytes: string }[]>`select pg_database_size(current_database())::text as bytes`
  const rows = await sql<TableRow[]>`
    select c.table_name as "tableName", c.days, c.enabled, c.last_cleanup_at as "lastCleanupAt",
      c.last_cleanup_rows::text as "lastCleanupRows", c.last_cleanup_ms as "lastCleanupMs",
      s.bytes::text as bytes, s.rows, s.older_bytes::text as "olderBytes", s.older_days as "olderDays"
    from ops_data_retention_config c cross join lateral (
      select coalesce(sum(pg_total_relation_size(p.relid)), 0)::bigint as bytes,
        sum(nullif(k.reltuples, -1))::float8 as rows,
        sum(pg_total_relation_size(p.relid)) filter (where k.relname < c.table_name || to_char(now() at time zone 'UTC', '_YYYY_MM_DD'))::bigint as older_bytes,
        count(*) filter (where k.relname < c.table_name || to_char(now() at time zone 'UTC', '_YYYY_MM_DD') and greatest(k.reltuples, 0) > 0)::int as older_days
      from (select relid from pg_partition_tree(c.table_name::regclass) where isleaf
        union select c.table_name::regclass where not exists (
          select from pg_partitioned_table t where t.partrelid = c.table_name::regclass)) p
      join pg_class k on k.oid = p.relid) s
    order by s.bytes desc, c.table_name`
  const [ages] = await sql<Record<string, Date | null>[]>`
    select (select min(bucket) from ops_samples) as ops_samples,
      (select min(bucket) from ops_dimension_stats_daily) as ops_dimension_stats_daily,
      (select min(bucket) from ops_dimension_stats_hourly) as ops_dimension_stats_hourly,
      (select min(bucket) from usage_rollups_made where step = 'hour') as usage_rollups,
      (select min(fired_at) from ops_alert_events) as ops_alert_events,
      (select min(created_at) from alert_deliveries) as alert_deliveries,
      (select min(seen_at) from ops_instances) as ops_instances`
  const tables = rows.map((row) => toTable(row, ages?.[row.tableName] ?? null, nowMs))
  const bytesPerDay = tables.reduce((sum, table) => sum + (table.bytesPerDay ?? 0), 0)
  const disk = dataDir === null ? null : await diskOf(dataDir)
  const daysLeft = disk === null || bytesPerDay === 0 ? null : disk.free / bytesPerDay
  return {
    databaseBytes: Number(database?.bytes ?? 0),
    bytesPerDay: Math.round(bytesPerDay),
    disk,
    diskFullAt: daysLeft === null || daysLeft > FAR_DAYS ? null : new Date(nowMs + daysLeft * DAY_MS).toISOString(),
    tables,
  }
}

function toTable(row: TableRow, oldestAt: Date | null, nowMs: number): TableStorage {
  const bytes = Number(row.bytes)
  const bytesPerDay = perDay(row, oldestAt, nowMs)
  return {
    tableName: row.tableName,
    bytes,
    rows: row.rows,
    bytesPerDay,
    days: row.days,
    enabled: row.enabled,
    bytesWhenFull: bytesPerDay === null || row.days === null ? null : Math.round(bytesPerDay * row.days),
    lastCleanupAt: row.lastCleanupAt?.toISOString() ?? null,
    lastCleanupRows: row.lastCleanupRows === null ? null : Number(row.lastCleanupRows),
    lastCleanupMs: row.lastCleanupMs,
  }
}

/** Of partitioned tables by their whole days; of the others by their age, from the first day on. */
function perDay(
  { tableName, bytes, olderBytes, olderDays }: TableRow,
  oldestAt: Date | null,
  nowMs: number,
): number | null {
  if (isPartitioned(tableName) && tableName !== 'ops_dimension_stats_hourly') {
    return olderDays ? Math.round(Number(olderBytes ?? 0) / olderDays) : null
  }
  if (oldestAt === null) return null
  const days = (nowMs - oldestAt.getTime()) / DAY_MS
  return days < 1 ? null : Math.round(Number(bytes) / days)
}

async function diskOf(dataDir: string): Promise<Storage['disk']> {
  try {
    const { bsize, blocks, bavail } = await statfs(dataDir)
    return { free: bavail * bsize, total: blocks * bsize }
  } catch {
    return null
  }
}
