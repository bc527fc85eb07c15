import type { UsageExport } from '@turnpike/core/inputs/usage'
import type { Db } from '@turnpike/db'
import { type Cell, type ExportFile, exportFile } from '../../shared/exports/export-file.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import { untilAborted } from './cancelled-query.ts'
import { declareCursor, fetchFromCursor } from './queries.ts'
import { toUsageRecord, type UsageRecord, type UsageRow } from './usage-record.ts'
import { windowOf } from './window-of.ts'

const ROWS_AT_ONCE = 500

/** Columns of the CSV, in order: the members of an item, its times one by one, its attempts counted. */
export const USAGE_COLUMNS = [
  'requestId',
  'clientRequestId',
  'createdAt',
  'endpoint',
  'protocol',
  'stream',
  'status',
  'outcome',
  'errorCode',
  'userId',
  'keyId',
  'groupId',
  'accountId',
  'billing',
  'subscriptionId',
  'serviceTier',
  'model',
  'upstreamModel',
  'inputTokens',
  'cachedInputTokens',
  'cacheWriteTokens',
  'outputTokens',
  'reasoningTokens',
  'cost',
  'costNano',
  'billed',
  'billedNano',
  'rateMultiplier',
  'estimated',
  'attempts',
  'queueMs',
  'routeMs',
  'upstreamConnectMs',
  'upstreamFirstByteMs',
  'ttftMs',
  'totalMs',
  'gatewayMs',
  'clientIp',
  'userAgent',
] as const

export function usageCells({ times, attempts, ...rest }: UsageRecord): Record<(typeof USAGE_COLUMNS)[number], Cell> {
  return { ...rest, ...times, attempts: attempts.length }
}

export type OrderUsage = (input: UsageExport) => ExportFile

/** Exports of the ledger, read by a cursor: a list of any length costs no memory. */
export function createUsageExport({ sql, clock }: { sql: Db['sql']; clock: WallClock }): OrderUsage {
  /** Throws `invalid_input`. */
  return function orderUsage({ format, ...filters }) {
    const window = windowOf(filters, clock.now())
    return exportFile<UsageRow>({
      name: 'usage',
      format,
      permission: 'usage:read',
      columns: USAGE_COLUMNS,
      cellsOf: (row) => usageCells(toUsageRecord(row)),
      recordOf: toUsageRecord,
      async read(take, signal) {
        await sql.begin('read only', async (transaction) => {
          await untilAborted(declareCursor(transaction, window), signal)
          for (;;) {
            const rows = await untilAborted(fetchFromCursor(transaction, ROWS_AT_ONCE), signal)
            if (rows.length === 0) return
            await take(rows)
          }
        })
      },
    })
  }
}
