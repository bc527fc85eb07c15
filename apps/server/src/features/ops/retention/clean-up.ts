import {
  dropPartitionsBefore,
  dropUsageRollupsBefore,
  PARTITIONED_TABLES,
  type PartitionedTable,
  withdrawUsageRollupsOf,
} from '@turnpike/db'
import type { Sql } from 'postgres'
import { carryBillsForward } from './carry-bills-forward.ts'

const DAY_MS = 86_400_000
const BATCH_ROWS = 10_000

/** The column by which rows of a table that is not partitioned grow old. */
const AGE_COLUMNS: Readonly<Record<string, string>> = {
  ops_samples: 'bucket',
  ops_dimension_stats_daily: 'bucket',
  // An episode that goes on has no end to grow old by.
  ops_alert_events: 'resolved_at',
  alert_deliveries: 'created_at',
  ops_instances: 'seen_at',
}

/**
 * Removes what is kept no longer, table by table, and notes what it did: whole partitions where there are some, so a row may
 * live up to a day (a month, of hours) longer than its days. Resolves with rows removed.
 */
export async function cleanUp(sql: Sql, now: Date): Promise<number> {
  const configs = await sql<{ tableName: string; days: number }[]>`
    select table_name as "tableName", days from ops_data_retention_config
    where enabled and days is not null order by table_name`
  let removed = 0
  for (const { tableName, days } of configs) {
    const startedAt = performance.now()
    const rows = await removeBefore(sql, tableName, new Date(now.getTime() - days * DAY_MS))
    removed += rows
    await sql`update ops_data_retention_config set last_cleanup_at = now(), last_cleanup_rows = ${Math.round(rows)},
      last_cleanup_ms = ${Math.round(performance.now() - startedAt)} where table_name = ${tableName}`
  }
  return removed
}

async function removeBefore(sql: Sql, table: string, before: Date): Promise<number> {
  if (table === 'usage_logs') {
    const rows = await dropPartitionsBefore(sql, table, before, async (tx, partition) => {
      await carryBillsForward(tx, partition)
      await withdrawUsageRollupsOf(tx, partition)
    })
    await dropUsageRollupsBefore(sql, before)
    return rows
  }
  if (table === 'usage_rollups') return dropUsageRollupsBefore(sql, before)
  if (isPartitioned(table)) return dropPartitionsBefore(sql, table, before)
  const column = AGE_COLUMNS[table]
  if (column === undefined) return 0
  let removed = 0
  for (;;) {
    const { count } = await sql`delete from ${sql(table)} where ctid = any(array(
      select ctid from ${sql(table)} where ${sql(column)} < ${before} limit ${BATCH_ROWS}))`
    removed += count
    if (count < BATCH_ROWS) return removed
  }
}

export function isPartitioned(table: string): table is PartitionedTable {
  return Object.hasOwn(PARTITIONED_TABLES, table)
}
