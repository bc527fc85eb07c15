import type { ExportFormat } from '@turnpike/core/inputs/usage'
import { stringify } from 'csv-stringify/sync'
import { toUsageRecord, type UsageRecord, type UsageRow } from './usage-record.ts'

/** Columns of the CSV, in order: the members of an item, its times one by one, its attempts counted. */
const COLUMNS = [
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

const MEDIA_TYPES = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
} as const satisfies Record<ExportFormat, string>

/** How rows of the ledger are written: what comes before all of them, and each of them. */
export interface ExportText {
  mediaType: string
  head: string
  linesOf(rows: UsageRow[]): string
}

export function exportText(format: ExportFormat): ExportText {
  const mediaType = MEDIA_TYPES[format]
  if (format === 'csv') return { mediaType, head: `${COLUMNS.join(',')}\n`, linesOf: csvLines }
  return {
    mediaType,
    head: '',
    linesOf: (rows) => rows.map((row) => `${JSON.stringify(toUsageRecord(row))}\n`).join(''),
  }
}

// What a spreadsheet would take for a formula (it begins with = + - @ tab or CR) gets a ' before it.
function csvLines(rows: UsageRow[]): string {
  return stringify(
    rows.map((row) => toCells(toUsageRecord(row))),
    { columns: [...COLUMNS], escape_formulas: true, cast: { boolean: String } },
  )
}

type Cells = Record<(typeof COLUMNS)[number], string | number | boolean | null>

function toCells({ times, attempts, ...rest }: UsageRecord): Cells {
  return { ...rest, ...times, attempts: attempts.length }
}
