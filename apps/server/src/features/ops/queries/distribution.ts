import type { ErrorGrouping, MeasuredTime, OpsErrorDistribution, OpsWindow } from '@turnpike/core/inputs/ops'
import { ERROR_CLASSES, type FailureCode } from '@turnpike/core/ops/classify'
import { boundsOf } from '@turnpike/core/ops/histogram'
import type { Span } from '@turnpike/core/ops/window'
import { COUNT_MASK } from '@turnpike/db'
import type { Sql } from 'postgres'
import { LABELS, nameOf } from './labels.ts'
import { percent } from './numbers.ts'
import { sourceOf, timedDimensionOf } from './source.ts'

/** Times from above `fromMs` up to `toMs`; null = however long. */
export interface HistogramBar {
  fromMs: number
  toMs: number | null
  count: number
}

/** Upper bounds of the bars, ms: what people think in. */
const BOUNDS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000,
  30_000, 60_000, 120_000, 300_000, 600_000,
]

/** How many requests took how long; each is in one bar. */
export async function latencyHistogram(
  sql: Sql,
  span: Span,
  filters: OpsWindow,
  time: MeasuredTime,
): Promise<{ from: string; to: string; total: number; bars: HistogramBar[] }> {
  const source = await sourceOf(sql, span, filters, { dimension: timedDimensionOf(filters) })
  const rows = await sql<{ bin: string }[]>`
    with source as (${source.rows})
    select ((bin >> 40 << 40) + sum(bin & ${sql.unsafe(COUNT_MASK)}))::text as bin
    from source cross join lateral unnest(${sql(`${time}_bins`)}) as bin group by bin >> 40 order by 1`
  const bars: HistogramBar[] = [...BOUNDS_MS, null].map((toMs, at) => ({
    fromMs: BOUNDS_MS[at - 1] ?? 0,
    toMs,
    count: 0,
  }))
  let total = 0
  for (const { bin } of rows) {
    const { fromMs, toMs, count } = boundsOf(Number(bin))
    const bar = bars.find((each) => each.toMs === null || (fromMs + toMs) / 2 <= each.toMs)
    if (bar) bar.count += count
    total += count
  }
  return {
    from: new Date(span.fromMs).toISOString(),
    to: new Date(span.toMs).toISOString(),
    total,
    bars,
  }
}

export interface ErrorShare {
  /** As filters take it; null = it is not told apart. */
  id: string | number | null
  label: string
  /** Of a code; null for other groupings. */
  owner: string | null
  phase: string | null
  severity: string | null
  /** Requests that ended by it. */
  count: number
  /** Attempts that failed by it, whether or not the request went on. */
  failedAttempts: number
  /** Of all requests that failed. */
  percent: number | null
}

/** What requests and attempts failed by. */
export async function errorDistribution(
  sql: Sql,
  span: Span,
  { groupBy, ...filters }: OpsErrorDistribution,
): Promise<{ from: string; to: string; total: number; items: ErrorShare[] }> {
  const source = await sourceOf(sql, span, filters, { dimension: 'error' })
  const column = COLUMNS[groupBy]
  const rows = await sql<{ id: string | null; label: string | null; count: string; attempts: string }[]>`
    with source as (${source.rows}),
      counted as (
        select ${sql.unsafe(column)} as id, sum(requests) as count, sum(failed_attempts) as attempts from source
        where code is not null group by 1)
    select c.id::text as id, ${sql.unsafe(LABELS[groupBy] ?? 'c.id::text')} as label, c.count::text as count,
      c.attempts::text as attempts
    from counted c order by c.count desc, c.attempts desc, c.id limit 500`
  const merged = groupBy in CLASS_OF ? byClass(rows, groupBy) : rows
  const total = merged.reduce((sum, { count }) => sum + Number(count), 0)
  return {
    from: new Date(span.fromMs).toISOString(),
    to: new Date(span.toMs).toISOString(),
    total,
    items: merged.map(({ id, label, count, attempts }) => ({
      id: nameOf(groupBy, id),
      label: label ?? id ?? '',
      ...(groupBy === 'code' && id !== null && isCode(id)
        ? ERROR_CLASSES[id]
        : { owner: null, phase: null, severity: null }),
      count: Number(count),
      failedAttempts: Number(attempts),
      percent: percent(Number(count), total),
    })),
  }
}

const CLASS_OF = { owner: 'owner', phase: 'phase', severity: 'severity' } as const

const COLUMNS: Readonly<Record<ErrorGrouping, string>> = {
  code: 'code',
  owner: 'code',
  phase: 'code',
  severity: 'code',
  account: 'account_id',
  provider: 'provider',
  model: 'model',
  group: 'group_id',
  endpoint: 'endpoint',
}

type Counted = { id: string | null; label: string | null; count: string; attempts: string }

/** Codes of one class together. */
function byClass(rows: readonly Counted[], groupBy: ErrorGrouping): Counted[] {
  const sums = new Map<string, { count: number; attempts: number }>()
  for (const { id, count, attempts } of rows) {
    if (id === null || !isCode(id)) continue
    const name = groupBy === 'owner' || groupBy === 'phase' || groupBy === 'severity' ? ERROR_CLASSES[id][groupBy] : id
    const sum = sums.get(name) ?? { count: 0, attempts: 0 }
    sums.set(name, { count: sum.count + Number(count), attempts: sum.attempts + Number(attempts) })
  }
  return [...sums]
    .map(([id, { count, attempts }]) => ({ id, label: id, count: String(count), attempts: String(attempts) }))
    .toSorted((a, b) => Number(b.count) - Number(a.count) || (a.id < b.id ? -1 : 1))
}

function isCode(code: string): code is FailureCode {
  return Object.hasOwn(ERROR_CLASSES, code)
}
