import type { ExportFormat } from '@turnpike/core/inputs/exports'
import { stringify } from 'csv-stringify/sync'
import type { Permission } from '../permissions.ts'

const MEDIA_TYPES = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
} as const satisfies Record<ExportFormat, string>

/** A cell of a CSV; null = there is nothing, and nothing is written. */
export type Cell = string | number | boolean | null | undefined

/** What an export is made of: as it is ordered, before anything is read. */
export interface ExportFile {
  /** Of the file, with its ending. */
  name: string
  mediaType: string
  /** What who fetches it must (still) be allowed. */
  permission: Permission
  /** What comes before all rows. */
  head: string
  /** Gives every row as text, some at a time; waits for each `take`. Reading ends when `signal` aborts. */
  read(take: (lines: string) => Promise<void>, signal: AbortSignal): Promise<void>
}

interface FileOf<Row> {
  /** Without its ending. */
  name: string
  format: ExportFormat
  permission: Permission
  /** Columns of the CSV, in order. */
  columns: readonly string[]
  cellsOf(row: Row): Readonly<Record<string, Cell>>
  /** A line of NDJSON, as lists of the API show it. */
  recordOf(row: Row): unknown
  /** Gives every row, some at a time. */
  read(take: (rows: readonly Row[]) => Promise<void>, signal: AbortSignal): Promise<void>
}

/** Rows as CSV (RFC 4180) or NDJSON. */
export function exportFile<Row>(file: FileOf<Row>): ExportFile {
  const { name, format, permission, columns } = file
  const linesOf = format === 'csv' ? csvLines : ndjsonLines

  // What a spreadsheet would take for a formula (it begins with = + - @ tab or CR) gets a ' before it.
  function csvLines(rows: readonly Row[]): string {
    return stringify(rows.map(file.cellsOf), {
      columns: [...columns],
      escape_formulas: true,
      cast: { boolean: String },
    })
  }

  function ndjsonLines(rows: readonly Row[]): string {
    return rows.map((row) => `${JSON.stringify(file.recordOf(row))}\n`).join('')
  }

  return {
    name: `${name}.${format}`,
    mediaType: MEDIA_TYPES[format],
    permission,
    head: format === 'csv' ? `${columns.join(',')}\n` : '',
    read: (take, signal) => file.read((rows) => take(linesOf(rows)), signal),
  }
}
