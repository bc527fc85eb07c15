import { termsOf } from '@turnpike/core/alerts/metrics'
import { type Labels, labelsKey } from '@turnpike/core/alerts/notice'
import type { Rule } from '@turnpike/core/alerts/rule'
import { partsOf, type RulePart } from '@turnpike/core/alerts/slo'
import type { Sql } from 'postgres'
import { readBalances } from './read-balances.ts'
import { type CountsSource, readRequests } from './read-requests.ts'
import { readSamples } from './read-samples.ts'
import {
  absentValue,
  balanceValues,
  dimensionsOf,
  MAX_SERIES,
  needsMinutes,
  requestValues,
  sampleValues,
  type Values,
} from './series.ts'

const MINUTE_MS = 60_000

/** One label set of a rule at one moment; a null value is no data. */
export interface SeriesValue {
  /** Those of the part included. */
  labels: Labels
  part: RulePart
  value: number | null
}

/**
 * What rules are judged by at the end of a minute: windows that end at `toMs`. Rules that ask for the same metric family and
 * window share one look; a look that fails fails for each of them.
 */
export function readValuesAt({ sql, source, toMs }: { sql: Sql; source: CountsSource; toMs: number }) {
  const looks = new Map<string, Promise<unknown>>()

  /** Safe because a key names the kind of look before all else. */
  function shared<T>(key: string, look: () => Promise<T>): Promise<T> {
    const known = looks.get(key) as Promise<T> | undefined
    if (known !== undefined) return known
    const begun = look()
    looks.set(key, begun)
    return begun
  }

  const samples = (minutes: number) => shared(`samples|${minutes}`, () => readSamples(sql, spanOf(minutes)))

  function spanOf(minutes: number) {
    return { fromMs: toMs - minutes * MINUTE_MS, toMs }
  }

  async function windowValues(rule: Rule, minutes: number): Promise<{ values: Values; absent: number | null }> {
    const measured = await samples(minutes)
    const absent = absentValue(rule, minutes, measured.isWatched)
    switch (termsOf(rule.metric).source) {
      case 'samples':
        return { values: sampleValues(rule, measured, minutes), absent }
      case 'balances':
        return { values: balanceValues(rule, await shared('balances', () => readBalances(sql))), absent }
      case 'requests': {
        const dimensions = dimensionsOf(rule)
        const byMinute = needsMinutes(rule)
        const withBins = rule.metric.endsWith('_ms')
        const rows = await shared(`requests|${minutes}|${dimensions.join()}|${byMinute}|${withBins}`, () =>
          readRequests(sql, source, { span: spanOf(minutes), dimensions, byMinute, withBins }),
        )
        return { values: requestValues(rule, rows, minutes, measured.isWatched), absent }
      }
    }
  }

  /** Every series of the rule; `known` are those that are open, which are judged although nothing is heard of them. */
  return async function valuesOf(rule: Rule, known: readonly Labels[]): Promise<SeriesValue[]> {
    const parts = partsOf(rule)
    const series = await Promise.all(parts.map((part) => partValues(rule, part, known)))
    return series.flat()
  }

  async function partValues(rule: Rule, part: RulePart, known: readonly Labels[]): Promise<SeriesValue[]> {
    const windows = await Promise.all(part.windows.map((minutes) => windowValues(rule, minutes)))
    const byKey = new Map<string, Labels>()
    for (const labels of known) {
      if (Object.entries(part.labels).some(([name, value]) => labels[name] !== value)) continue
      const own = Object.fromEntries(Object.entries(labels).filter(([name]) => !Object.hasOwn(part.labels, name)))
      byKey.set(labelsKey(own), own)
    }
    for (const { values } of windows) {
      for (const [key, { labels }] of values) if (byKey.size < MAX_SERIES) byKey.set(key, labels)
    }
    return [...byKey].map(([key, labels]) => ({
      labels: { ...labels, ...part.labels },
      part,
      value: mildest(
        windows.map(({ values, absent }) => {
          const found = values.get(key)
          return found === undefined ? absent : found.value
        }),
      ),
    }))
  }
}

/** Several windows: all must be beyond the threshold, which only rules that look upwards have. */
function mildest(values: readonly (number | null)[]): number | null {
  let least: number | null = null
  for (const value of values) {
    if (value === null) return null
    least = least === null ? value : Math.min(least, value)
  }
  return least
}
