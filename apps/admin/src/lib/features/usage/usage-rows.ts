import { format } from '#lib/i18n/format.ts'
import { m } from '#lib/paraglide/messages.js'
import type { Grouping } from './usage-filters.ts'
import type { Totals } from './usage-lines.ts'
import type { UsageReport } from './usage-report.svelte.ts'

/** A line of the table: a group, or a moment. */
export interface UsageRow {
  key: string
  label: string
  /** Of a moment. */
  at: string | null
  totals: Totals
  /** The same group in the period before; null = it was not there, or this is a moment. */
  before: Totals | null
  /** What the address needs so that only this is counted; null = it cannot be asked for. */
  narrows: Record<string, string | null> | null
}

/** What is looked at next inside one of them. */
const WITHIN: Partial<Record<Grouping, Grouping>> = {
  user: 'key',
  key: 'model',
  group: 'model',
  account: 'model',
  model: 'key',
}

/** Moments newest first, groups dearest first. */
export function usageRows(report: UsageReport): UsageRow[] {
  return report.by === 'total' ? momentRows(report) : groupRows(report, report.by)
}

function momentRows({ lines }: UsageReport): UsageRow[] {
  const write = (at: string) => (lines.bucket === 'day' ? format.day(new Date(at), 'UTC') : format.dateTime(at))
  const points = lines.series[0]?.points ?? []
  return points
    .filter(({ requests }) => requests > 0)
    .map(({ at, ...totals }) => ({ key: at, label: write(at), at, totals, before: null, narrows: null }))
    .reverse()
}

function groupRows({ summary, before }: UsageReport, by: Grouping): UsageRow[] {
  const then = new Map(before.summary.groups.map((group) => [group.id, group]))
  return summary.groups.map(({ id, label, ...totals }) => ({
    key: String(id),
    label: groupLabel(id, label),
    at: null,
    totals,
    before: then.get(id) ?? null,
    narrows: id === null ? null : narrowing(by, id),
  }))
}

/** What the ledger names no more, or never did, is told by its number, or as none. */
export function groupLabel(id: number | string | null, label: string): string {
  if (id === null) return m.compare_unknown()
  return label === '' ? m.number_of({ id: String(id) }) : label
}

function narrowing(by: Grouping, id: number | string): Record<string, string | null> | null {
  const within = WITHIN[by]
  return within === undefined ? null : { [by]: String(id), by: within, sort: null }
}
