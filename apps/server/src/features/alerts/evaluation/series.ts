import { labelsOf, passes } from '@turnpike/core/alerts/filters'
import { needsSamples, termsOf } from '@turnpike/core/alerts/metrics'
import { type Labels, labelsKey } from '@turnpike/core/alerts/notice'
import { aggregated, merged, NOTHING, type Reading } from '@turnpike/core/alerts/reading'
import { combinedCounts, requestReading } from '@turnpike/core/alerts/request-reading'
import type { Rule } from '@turnpike/core/alerts/rule'
import type { RequestRow } from './read-requests.ts'
import type { SampleReadings } from './read-samples.ts'

/** Label sets of one rule that are judged; of more the first by name are. */
export const MAX_SERIES = 1_000

/** Values of one window, by the text of their labels; null = no data. */
export type Values = Map<string, { labels: Labels; value: number | null }>

type Asked = Pick<Rule, 'metric' | 'aggregation' | 'groupBy' | 'dimensionFilters' | 'minSamples'>

/** Of requests: `rows` are told apart by all that the rule groups and filters by. */
export function requestValues(
  rule: Asked,
  rows: readonly RequestRow[],
  windowMinutes: number,
  isWatched: boolean,
): Values {
  const bySeries = new Map<string, { labels: Labels; rows: RequestRow[] }>()
  for (const row of rows) {
    const labels = passes(row.values, rule.dimensionFilters) ? labelsOfRow(rule, row) : null
    if (labels === null) continue
    const key = labelsKey(labels)
    const series = bySeries.get(key) ?? { labels, rows: [] }
    series.rows.push(row)
    bySeries.set(key, series)
  }
  if (isPerKey(rule)) return perKey(rule, [...bySeries.values()], windowMinutes, isWatched)
  const values: Values = new Map()
  for (const [key, series] of bySeries) {
    values.set(key, { labels: series.labels, value: valueOfRows(rule, series.rows, windowMinutes, isWatched) })
  }
  return withTotal(rule, values, () => valueOfRows(rule, [], windowMinutes, isWatched))
}

/** Of samples: nothing but groups is told apart, and only for accounts. */
export function sampleValues(rule: Asked, { all, groups }: SampleReadings, windowMinutes: number): Values {
  const value = (reading: Reading | undefined) => {
    return reading === undefined ? null : aggregated(reading, rule.aggregation, windowMinutes).value
  }
  if (rule.groupBy.length === 0 && rule.dimensionFilters.length === 0) return single(value(all.get(rule.metric)))
  const chosen = [...groups].flatMap(([group, readings]) => {
    const reading = readings.get(rule.metric)
    return reading !== undefined && passes({ group }, rule.dimensionFilters) ? [{ group, reading }] : []
  })
  if (rule.groupBy.length === 0) {
    return single(chosen.length === 0 ? null : value(merged(chosen.map(({ reading }) => reading))))
  }
  return new Map(
    chosen.map(({ group, reading }) => [labelsKey({ group }), { labels: { group }, value: value(reading) }]),
  )
}

/** Of balances, in dollars by user id: each his own, or the one of all that the aggregation names. */
export function balanceValues(rule: Asked, balances: ReadonlyMap<string, number>): Values {
  const chosen = [...balances].filter(([user]) => passes({ user }, rule.dimensionFilters))
  if (rule.groupBy.length === 0)
    return single(
      acrossOf(
        rule,
        chosen.map(([, dollars]) => dollars),
      ),
    )
  return new Map(chosen.map(([user, value]) => [labelsKey({ user }), { labels: { user }, value }]))
}

/** What a rule knows nothing new of: a count is nothing, the rest no data. */
export function absentValue(rule: Asked, windowMinutes: number, isWatched: boolean): number | null {
  return termsOf(rule.metric).source === 'requests' ? valueOfRows(rule, [], windowMinutes, isWatched) : null
}

/** What rows must be told apart by, for this rule. */
export function dimensionsOf(rule: Asked): Rule['groupBy'] {
  const filtered = rule.dimensionFilters.map(({ dimension }) => dimension)
  return [...new Set([...seriesDimensions(rule), ...filtered])].toSorted()
}

/** Rates have extremes only minute by minute. */
export function needsMinutes({ metric, aggregation }: Pick<Rule, 'metric' | 'aggregation'>): boolean {
  return (metric === 'qps' || metric === 'tps') && aggregation !== 'avg'
}

function valueOfRows(
  rule: Asked,
  rows: readonly RequestRow[],
  windowMinutes: number,
  isWatched: boolean,
): number | null {
  const counts = combinedCounts(rows, windowMinutes)
  const reading = (isWatched || rows.length > 0 ? requestReading(rule.metric, counts) : null) ?? null
  if (reading === null) return null
  const { value, samples } = aggregated(reading, rule.aggregation, windowMinutes)
  return needsSamples(rule.aggregation, rule.metric) && samples < rule.minSamples ? null : value
}

export function labelsOfRow(rule: Asked, { values }: Pick<RequestRow, 'values'>): Labels | null {
  return labelsOf(values, seriesDimensions(rule))
}

function seriesDimensions(rule: Asked): Rule['groupBy'] {
  return isPerKey(rule) ? ['key'] : rule.groupBy
}

/** Spending is of single keys, also where they are not told apart. */
export function isPerKey({ metric, groupBy }: Asked): boolean {
  return metric === 'key_spending' && groupBy.length === 0
}

function perKey(rule: Asked, series: { rows: RequestRow[] }[], windowMinutes: number, isWatched: boolean): Values {
  const spent = series.map(({ rows }) => {
    const reading = requestReading(rule.metric, combinedCounts(rows, windowMinutes)) ?? NOTHING
    return reading.part
  })
  return single(spent.length > 0 ? acrossOf(rule, spent) : isWatched ? 0 : null)
}

export function acrossOf({ aggregation }: Asked, values: readonly number[]): number | null {
  const total = values.reduce((sum, value) => sum + value, 0)
  const max = values.length === 0 ? null : values.reduce((a, b) => Math.max(a, b))
  const min = values.length === 0 ? null : values.reduce((a, b) => Math.min(a, b))
  return aggregated({ part: total, whole: values.length, max, min, bins: [], values: [] }, aggregation, 1).value
}

function withTotal(rule: Asked, values: Values, absent: () => number | null): Values {
  return rule.groupBy.length > 0 || values.size > 0 ? values : single(absent())
}

function single(value: number | null): Values {
  return new Map([[labelsKey({}), { labels: {}, value }]])
}
