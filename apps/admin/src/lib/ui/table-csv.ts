import type { Column } from './table-model.ts'

/**
 * The rows as CSV (RFC 4180), one column for each that has a value. Text that a spreadsheet would take for a formula gets
 * an apostrophe before it: names come from anybody.
 */
export function tableCsv<Row>(
  rows: readonly Row[],
  columns: readonly Pick<Column<Row>, 'id' | 'header' | 'value'>[],
): string {
  const valued = columns.flatMap(({ header, value }) => (value ? [{ header, value }] : []))
  const lines = [valued.map(({ header }) => header), ...rows.map((row) => valued.map(({ value }) => value(row)))]
  return lines.map((cells) => `${cells.map(cellOf).join(',')}\r\n`).join('')
}

function cellOf(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
