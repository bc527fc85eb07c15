import type { OpsDimensionStats, OpsExport } from '@turnpike/core/inputs/ops'
import { MAX_LIMIT } from '@turnpike/core/inputs/primitives'
import { type Cell, type ExportFile, exportFile } from '../../../shared/exports/export-file.ts'
import type { ErrorRecord } from '../errors/error-record.ts'
import type { Errors } from '../errors/errors.ts'
import type { Ops } from '../ops.ts'
import type { MetricsRow } from '../queries/history.ts'
import type { RefusedRequest, RequestEntry, Requests } from '../requests/requests.ts'
import { ERROR_COLUMNS, METRICS_COLUMNS, REFUSAL_COLUMNS, refusalCells, STAT_COLUMNS, statCells } from './columns.ts'

const ROWS_AT_ONCE = MAX_LIMIT

/** How rows of the ledger are written, by whoever keeps it. */
export interface LedgerCells<Row> {
  columns: readonly string[]
  cellsOf(row: Row): Readonly<Record<string, Cell>>
}

interface OpsExportOptions<Row> {
  ops: Pick<Ops, 'dimensionStats' | 'metricsReading'>
  errors: Pick<Errors, 'reading'>
  requests: Pick<Requests<Row & Placed, Row & Placed>, 'reading'>
  ledger: LedgerCells<Row>
}

interface Placed {
  requestId: string
  createdAt: string
}

type Ordered<What extends OpsExport['what']> = Omit<Extract<OpsExport, { what: What }>, 'what'>

export type OrderOps = (input: OpsExport) => ExportFile

/** Exports of what operations show (ops.md, "Retention and export"); rows are read a page at a time, as lists are. */
export function createOpsExport<Row>({ ops, errors, requests, ledger }: OpsExportOptions<Row>): OrderOps {
  function requestsFile({ format, ...filters }: Ordered<'requests'>): ExportFile {
    const next = requests.reading(filters)
    return exportFile<RequestEntry<Row & Placed>>({
      name: 'requests',
      format,
      permission: 'ops:read',
      columns: ['kind', ...ledger.columns, ...REFUSAL_COLUMNS],
      cellsOf: (entry) => {
        if (isRefusal(entry)) return { kind: 'refusal', ...refusalCells(entry) }
        return { kind: 'request', ...ledger.cellsOf(entry), count: 1 }
      },
      recordOf: (entry) => entry,
      read: (take, signal) => pages(next, take, signal),
    })
  }

  function errorsFile({ format, ...filters }: Ordered<'errors'>): ExportFile {
    const next = errors.reading(filters)
    return exportFile<ErrorRecord>({
      name: 'errors',
      format,
      permission: 'ops:read',
      columns: ERROR_COLUMNS,
      cellsOf: ({ attempts, ...row }) => ({ ...row, attempts: attempts.length }),
      recordOf: (row) => row,
      read: (take, signal) => pages(next, take, signal),
    })
  }

  function metricsFile({ format, ...filters }: Ordered<'metricsHistory'>): ExportFile {
    const next = ops.metricsReading(filters)
    return exportFile<MetricsRow>({
      name: 'metrics',
      format,
      permission: 'ops:read',
      columns: METRICS_COLUMNS,
      cellsOf: (row) => ({ ...row }),
      recordOf: (row) => row,
      read: (take, signal) => pages(next, take, signal),
    })
  }

  function statsFile({ format, ...input }: Ordered<'dimensionStats'>): ExportFile {
    const asked: OpsDimensionStats = { ...input, limit: MAX_LIMIT }
    return exportFile({
      name: `statistics-by-${input.groupBy}`,
      format,
      permission: 'ops:read',
      columns: STAT_COLUMNS,
      cellsOf: statCells,
      recordOf: (stat: Awaited<ReturnType<Ops['dimensionStats']>>['items'][number]) => stat,
      read: async (take) => take((await ops.dimensionStats(asked)).items),
    })
  }

  return function orderOps(input) {
    switch (input.what) {
      case 'requests':
        return requestsFile(withoutWhat(input))
      case 'errors':
        return errorsFile(withoutWhat(input))
      case 'metricsHistory':
        return metricsFile(withoutWhat(input))
      case 'dimensionStats':
        return statsFile(withoutWhat(input))
    }
  }
}

function withoutWhat<T extends { what: string }>({ what: _what, ...rest }: T): Omit<T, 'what'> {
  return rest
}

function isRefusal<Row>(entry: RequestEntry<Row>): entry is { kind: 'refusal' } & RefusedRequest {
  return entry.kind === 'refusal'
}

async function pages<Row>(
  next: (limit: number) => Promise<Row[]>,
  take: (rows: Row[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const rows = await next(ROWS_AT_ONCE)
    if (rows.length > 0) await take(rows)
    if (rows.length < ROWS_AT_ONCE) return
  }
}
