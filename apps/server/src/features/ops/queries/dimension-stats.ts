import type { OpsDimensionStats, StatGrouping, StatMeasure } from '@turnpike/core/inputs/ops'
import type { Span } from '@turnpike/core/ops/window'
import { summed } from '@turnpike/db'
import type { Sql } from 'postgres'
import { LABELS, nameOf } from './labels.ts'
import { type SumsRow, statisticsColumns, statisticsOf, type Totals, toTotals } from './numbers.ts'
import { groupedDimensionOf, sourceOf } from './source.ts'
import { previousOf } from './window-of.ts'

export interface DimensionStat extends Totals {
  /** As filters take it; null = not known, or beyond what is told apart. */
  id: string | number | null
  label: string
  /** The measure itself, now and in the period before; null = nothing to measure. */
  value: number | null
  previous: number | null
}

const COLUMNS: Readonly<Record<StatGrouping, string>> = {
  provider: 'provider',
  group: 'group_id',
  account: 'account_id',
  model: 'model',
  endpoint: 'endpoint',
  user: 'user_id',
  key: 'key_id',
}

/** How many values are looked at before the first `limit` by the measure are told. */
const MAX_VALUES = 12_000

type StatRow = SumsRow & { id: string | null; label: string | null }

/** The first `limit` values of a dimension by a measure, compared with the period of the same length before. */
export async function dimensionStats(
  sql: Sql,
  span: Span,
  { groupBy, measure, limit, ...filters }: OpsDimensionStats,
): Promise<{ from: string; to: string; items: DimensionStat[] }> {
  const [rows, before] = await Promise.all([
    statistics(sql, span, groupBy, filters),
    isOfTimes(measure)
      ? statistics(sql, previousOf(span), groupBy, filters)
      : counts(sql, previousOf(span), groupBy, filters),
  ])
  const previous = new Map(before.map((row) => [row.id, measured(toTotals(row), measure)]))
  const items = rows.map((row) => {
    const totals = toTotals(row)
    return {
      id: nameOf(groupBy, row.id),
      label: row.label ?? row.id ?? '',
      ...totals,
      value: measured(totals, measure),
      previous: previous.get(row.id) ?? null,
    }
  })
  const byValue = (a: DimensionStat, b: DimensionStat) => (b.value ?? -1) - (a.value ?? -1) || b.requests - a.requests
  return {
    from: new Date(span.fromMs).toISOString(),
    to: new Date(span.toMs).toISOString(),
    items: items.toSorted((a, b) => byValue(a, b) || String(a.id).localeCompare(String(b.id))).slice(0, limit),
  }
}

type Filters = Omit<OpsDimensionStats, 'groupBy' | 'measure' | 'limit'>

/** The same without times, which are most of the work. */
async function counts(sql: Sql, span: Span, groupBy: StatGrouping, filters: Filters): Promise<StatRow[]> {
  const source = await sourceOf(sql, span, filters, { dimension: rowsFor(groupBy, filters) })
  return sql<StatRow[]>`
    select ${sql.unsafe(COLUMNS[groupBy])}::text as id, null as label, ${sql.unsafe(summed())} from (${source.rows}) as source
    group by 1`
}

function rowsFor(groupBy: StatGrouping, filters: Filters) {
  return groupBy === 'user' || groupBy === 'key' ? groupBy : groupedDimensionOf(groupBy, filters)
}

function isOfTimes(measure: StatMeasure): boolean {
  return measure === 'latencyP95' || measure === 'ttftP95' || measure === 'gatewayP95'
}

async function statistics(sql: Sql, span: Span, groupBy: StatGrouping, filters: Filters): Promise<StatRow[]> {
  const source = await sourceOf(sql, span, filters, { dimension: rowsFor(groupBy, filters) })
  return sql<StatRow[]>`
    with source as (${source.rows}), ${statisticsOf(sql, `source.${COLUMNS[groupBy]}`)},
      c as (select k as id, kid from sums)
    select c.id::text as id, ${sql.unsafe(LABELS[groupBy] ?? 'c.id::text')} as label, ${statisticsColumns(sql)}
    from c join sums s using (kid) left join histograms h using (kid)
    order by s.requests desc, c.id limit ${MAX_VALUES}`
}

function measured(totals: Totals, measure: StatMeasure): number | null {
  switch (measure) {
    case 'requests':
      return totals.requests
    case 'errors':
      return totals.errors
    case 'errorRate':
      return totals.errorRate
    case 'upstreamErrorRate':
      return totals.upstreamErrorRate
    case 'tokens':
      return totals.inputTokens + totals.outputTokens
    case 'cost':
      return Number(totals.cost)
    case 'billed':
      return Number(totals.billed)
    case 'latencyP95':
      return totals.latency.p95
    case 'ttftP95':
      return totals.ttft.p95
    case 'gatewayP95':
      return totals.gatewayMs.p95
  }
}
