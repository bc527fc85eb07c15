import { passes } from '@turnpike/core/alerts/filters'
import { type AlertMetric, needsSamples, termsOf } from '@turnpike/core/alerts/metrics'
import { type Labels, labelsKey } from '@turnpike/core/alerts/notice'
import { aggregated, merged, type Reading } from '@turnpike/core/alerts/reading'
import { combinedCounts, requestReading } from '@turnpike/core/alerts/request-reading'
import type { Rule } from '@turnpike/core/alerts/rule'
import { sliding } from '@turnpike/core/alerts/sliding'
import { partsOf, type RulePart } from '@turnpike/core/alerts/slo'
import type { Span } from '@turnpike/core/ops/window'
import type { Sql } from 'postgres'
import { type CountsSource, type RequestRow, readRequests } from './read-requests.ts'
import { acrossOf, dimensionsOf, isPerKey, labelsOfRow, MAX_SERIES } from './series.ts'

const MINUTE_MS = 60_000

/** A rule's value at the end of each minute of a span. */
export interface History {
  labels: Labels
  part: RulePart
  points: [atMs: number, value: number | null][]
}

interface MinuteSeries {
  labels: Labels
  /** One for each minute; null = nobody watched. */
  minutes: (Reading | null)[]
}

/**
 * What a rule would have been judged by, minute by minute, from the stored minutes. What is only known as it is now has no
 * history, and gauges are known by minute rather than by ten seconds.
 */
export async function readHistory(sql: Sql, source: CountsSource, rule: Rule, span: Span): Promise<History[]> {
  const parts = partsOf(rule)
  const longest = Math.max(...parts.flatMap(({ windows }) => windows))
  const whole = { fromMs: span.fromMs - longest * MINUTE_MS, toMs: span.toMs }
  const series = await minuteSeries(sql, source, rule, whole)
  const first = longest
  return series.slice(0, MAX_SERIES).flatMap(({ labels, minutes }) =>
    parts.map((part) => {
      // What single keys spent has been summed up over its window already.
      const windows = part.windows.map((window) => valuesOf(rule, minutes, isPerKey(rule) ? 1 : window))
      const points = minutes.slice(first).map((_minute, index): [number, number | null] => {
        const values = windows.map((window) => window[first + index] ?? null)
        return [span.fromMs + (index + 1) * MINUTE_MS, mildest(values)]
      })
      return { labels: { ...labels, ...part.labels }, part, points }
    }),
  )
}

function valuesOf(rule: Rule, minutes: readonly (Reading | null)[], window: number): (number | null)[] {
  return [...sliding(minutes, window)].map((reading) => {
    if (reading === null) return null
    const { value, samples } = aggregated(reading, rule.aggregation, window)
    return needsSamples(rule.aggregation, rule.metric) && samples < rule.minSamples ? null : value
  })
}

async function minuteSeries(sql: Sql, source: CountsSource, rule: Rule, span: Span): Promise<MinuteSeries[]> {
  switch (termsOf(rule.metric).source) {
    case 'balances':
      return []
    case 'samples':
      return gaugeSeries(sql, rule, span)
    case 'requests':
      return requestSeries(sql, source, rule, span)
  }
}

async function requestSeries(sql: Sql, source: CountsSource, rule: Rule, span: Span): Promise<MinuteSeries[]> {
  const [rows, watched] = await Promise.all([
    readRequests(sql, source, {
      span,
      dimensions: dimensionsOf(rule),
      byMinute: true,
      withBins: rule.metric.endsWith('_ms'),
    }),
    watchedMinutes(sql, span),
  ])
  const nothing = requestReading(rule.metric, combinedCounts([], 1))
  const bySeries = new Map<string, { labels: Labels; byMinute: Map<number, RequestRow[]> }>()
  for (const row of rows) {
    const labels = passes(row.values, rule.dimensionFilters) ? labelsOfRow(rule, row) : null
    if (labels === null || row.atMs === null) continue
    const series = bySeries.get(labelsKey(labels)) ?? { labels, byMinute: new Map<number, RequestRow[]>() }
    series.byMinute.set(row.atMs, [...(series.byMinute.get(row.atMs) ?? []), row])
    bySeries.set(labelsKey(labels), series)
  }
  if (bySeries.size === 0 && rule.groupBy.length === 0) bySeries.set('', { labels: {}, byMinute: new Map() })
  const series = [...bySeries.values()].map(({ labels, byMinute }) => ({
    labels,
    minutes: minutesOf(span).map((atMs) => {
      const own = byMinute.get(atMs)
      if (own !== undefined) return requestReading(rule.metric, combinedCounts(own, 1))
      return watched.has(atMs) ? nothing : null
    }),
  }))
  return isPerKey(rule) ? [acrossKeys(rule, series, span)] : series
}

/** The one key that the aggregation names, minute by minute of the rule's window. */
function acrossKeys(rule: Rule, series: readonly MinuteSeries[], span: Span): MinuteSeries {
  const sums = series.map(({ minutes }) => [...sliding(minutes, rule.windowMinutes)])
  const minutes = minutesOf(span).map((_at, index) => {
    const known = sums.flatMap((ofKey) => ofKey[index]?.part ?? [])
    const value = acrossOf(rule, known)
    return value === null ? null : { part: value, whole: 1, max: value, min: value, bins: [], values: [] }
  })
  return { labels: {}, minutes }
}

async function watchedMinutes(sql: Sql, { fromMs, toMs }: Span): Promise<Set<number>> {
  const rows = await sql<{ at: Date }[]>`
    select created_at as at from ops_system_metrics
    where created_at >= ${new Date(fromMs)} and created_at < ${new Date(toMs)} and window_minutes = 1 and instance_id = '*'
    order by created_at`
  return new Set(rows.map(({ at }) => at.getTime() + MINUTE_MS))
}

/** Where the metrics of each minute keep a gauge: a sum's `part`, or a value; the ratio has a whole. */
const COLUMNS: Partial<Record<AlertMetric, { value: string; whole?: string }>> = {
  cpu_usage_percent: { value: 'cpu_usage_percent' },
  memory_usage_percent: { value: 'memory_usage_percent' },
  disk_usage_percent: { value: '100.0 * disk_used / nullif(disk_total, 0)' },
  event_loop_delay_ms: { value: 'event_loop_delay_p99_ms' },
  errors_dropped: { value: "(tags->>'errorsDropped')::float8" },
  concurrency_queue_depth: { value: 'concurrency_queue_depth' },
  waiters: { value: 'waiters' },
  accounts_available: { value: 'accounts_available' },
  accounts_available_ratio: { value: 'accounts_available', whole: 'accounts_total' },
  db_conn_waiting: { value: 'db_conn_waiting' },
  redis_up: { value: "(tags->>'redisUp')::float8" },
  journal_backlog: { value: "(tags->>'journalBacklogBytes')::float8" },
  job_overdue: { value: "(tags->>'jobsOverdue')::float8" },
}

async function gaugeSeries(sql: Sql, rule: Rule, span: Span): Promise<MinuteSeries[]> {
  if (rule.groupBy.length > 0 || rule.dimensionFilters.length > 0) return groupSeries(sql, rule, span)
  const column = COLUMNS[rule.metric]
  if (column === undefined) return []
  const rows = await sql<GaugeRow[]>`
    select created_at as at, ''::text as group, (${sql.unsafe(column.value)})::float8 as value,
      (${sql.unsafe(column.whole ?? 'null')})::float8 as whole
    from ops_system_metrics
    where created_at >= ${new Date(span.fromMs)} and created_at < ${new Date(span.toMs)}
      and window_minutes = 1 and instance_id = '*' order by created_at`
  return [{ labels: {}, minutes: gaugeMinutes(rows, span) }]
}

/** Groups are told apart by the samples alone, which are kept for two days. */
async function groupSeries(sql: Sql, rule: Rule, span: Span): Promise<MinuteSeries[]> {
  const rows = await sql<GaugeRow[]>`
    select date_trunc('minute', bucket) as at, g.key as group, max((g.value->>0)::float8) as value,
      max((g.value->>1)::float8) as whole
    from ops_samples cross join lateral jsonb_each(coalesce(sample->'accountsByGroup', '{}')) as g
    where bucket >= ${new Date(span.fromMs)} and bucket < ${new Date(span.toMs)} group by 1, 2 order by 1, 2`
  const byGroup = Map.groupBy(
    rows.filter(({ group }) => passes({ group }, rule.dimensionFilters)),
    ({ group }) => group,
  )
  const series = [...byGroup].map(([group, own]) => ({
    labels: { group },
    minutes: gaugeMinutes(rule.metric === 'accounts_available_ratio' ? own : own.map(withoutWhole), span),
  }))
  if (rule.groupBy.length > 0) return series
  return [{ labels: {}, minutes: minutesOf(span).map((_at, index) => together(series, index)) }]
}

function together(series: readonly MinuteSeries[], index: number): Reading | null {
  const readings = series.flatMap(({ minutes }) => minutes[index] ?? [])
  return readings.length === 0 ? null : merged(readings)
}

interface GaugeRow {
  at: Date
  group: string
  value: number | null
  whole: number | null
}

function gaugeMinutes(rows: readonly GaugeRow[], span: Span): (Reading | null)[] {
  const byMinute = new Map(rows.map((row) => [row.at.getTime() + MINUTE_MS, row]))
  return minutesOf(span).map((atMs) => {
    const row = byMinute.get(atMs)
    if (row === undefined || row.value === null) return null
    return { part: row.value, whole: row.whole ?? 1, max: row.value, min: row.value, bins: [], values: [row.value] }
  })
}

function withoutWhole(row: GaugeRow): GaugeRow {
  return { ...row, whole: null }
}

/** Ends of the minutes of a span. */
function minutesOf({ fromMs, toMs }: Span): number[] {
  return Array.from(
    { length: Math.round((toMs - fromMs) / MINUTE_MS) },
    (_value, index) => fromMs + (index + 1) * MINUTE_MS,
  )
}

function mildest(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>(
    (least, value) => (value === null || least === null ? null : Math.min(least, value)),
    Number.POSITIVE_INFINITY,
  )
}
