import { formatDollars } from '@turnpike/core/money'
import { COUNT_COLUMNS, COUNT_MASK, HISTOGRAMS, summed, summedTimes } from '@turnpike/db'
import type { Sql } from 'postgres'
import type { Fragment } from './statement.ts'

/** Percentiles, mean and maximum of a time, ms; null = none was measured. */
export interface TimeStats {
  count: number
  p50: number | null
  p95: number | null
  p99: number | null
  p999: number | null
  average: number | null
  max: number | null
}

/** What requests come to. Rates in percent; null = there was nothing to judge. */
export interface RequestTotals {
  requests: number
  successes: number
  errors: number
  clientErrors: number
  businessLimited: number
  clientClosed: number
  http4xx: number
  http5xx: number
  timeouts: number
  upstream429: number
  upstream529: number
  attempts: number
  failedAttempts: number
  accountSwitches: number
  inputTokens: number
  cachedInputTokens: number
  outputTokens: number
  cost: string
  costNano: string
  billed: string
  billedNano: string
  successRate: number | null
  errorRate: number | null
  upstreamErrorRate: number | null
}

export type Totals = RequestTotals & { latency: TimeStats; ttft: TimeStats; gatewayMs: TimeStats }

/** Sums of counts as the database tells them: 64-bit integers are strings. */
export type SumsRow = Record<string, string | number | null>

/** Ascending, as `bins_summary` takes them. */
const SHARES = { p50: 0.5, p95: 0.95, p99: 0.99, p999: 0.999 } as const

/** Bits of a bin's key where it is packed with the number of its group, and what makes it positive. */
const KEY_BITS = 16
const KEY_OFFSET = 32_768

/**
 * Common table expressions over a relation `source`: `sums` (counts, and sums of times) and `histograms` (percentiles) per
 * value `k` of `key`, an SQL expression over `source`; `kid` numbers the values, and is what both are joined by. Bins are
 * merged where a value has several rows; of one they are as they are. Where rows are of `few` requests, next to nothing would
 * be merged: their bins are only put in order, which tells the same.
 */
export function statisticsOf(sql: Sql, key: string, rowsAre: 'few' | 'many' = 'many'): Fragment {
  const merged = rowsAre === 'few' ? orderedBins : mergedBins
  const bins = HISTOGRAMS.map((name) => `${name}_bins`).join(', ')
  return sql.unsafe(`
    sums as (
      select k, row_number() over (order by k) as kid, ${summed()}, ${summedTimes()}
      from (select (${key}) as k, source.* from source) as source group by k),
    keyed as (
      select dense_rank() over (order by k) as kid, count(*) over (partition by k) as of_key, ${bins}
      from (select (${key}) as k, ${bins} from source) as narrow),
    ${HISTOGRAMS.map((name) => `${name}_merged as (${merged(name)})`).join(', ')},
    told as materialized (${HISTOGRAMS.map(
      (
        name,
      ) => `select kid, '${name}' as name, bins_summary(bins, array[${Object.values(SHARES).join(', ')}]) as summary
        from ${name}_merged`,
    ).join(' union all ')}),
    histograms as (
      select kid, ${HISTOGRAMS.map((name) => histogramColumns(name)).join(', ')} from told group by kid)`)
}

/**
 * This is most of the work of a question: bins are taken out of their rows, and grouped, by one number each. Counts are added
 * up as floating point, which holds them exactly up to 2^53 and is added up quicker than integers of 64 bits.
 */
function mergedBins(name: string): string {
  return `
    select kid, ${name}_bins as bins from keyed where of_key = 1
    union all
    select packed >> ${KEY_BITS} as kid,
      array_agg((((packed & ${2 ** KEY_BITS - 1}) - ${KEY_OFFSET}) << 40) + count order by packed) as bins
    from (
      select (kid << ${KEY_BITS}) + (bin >> 40) + ${KEY_OFFSET} as packed, sum((bin & ${COUNT_MASK})::float8)::bigint as count
      from (select kid, unnest(${name}_bins) as bin from keyed where of_key > 1) as taken group by 1) as counted
    group by 1`
}

/** `bins_summary` takes bins in ascending order, however many are of one key. */
function orderedBins(name: string): string {
  return `select kid, array_agg(bin order by bin) as bins
    from (select kid, unnest(${name}_bins) as bin from keyed) as taken group by kid`
}

type Share = keyof typeof SHARES
const ALL_SHARES = Object.keys(SHARES) as Share[]

/** Columns of a `SumsRow` from `sums s` and `histograms h`; of the shares, those that are told. */
export function statisticsColumns(sql: Sql, shares: readonly Share[] = ALL_SHARES): Fragment {
  const counts = Object.keys(COUNT_COLUMNS).map((name) => `s.${name}::text as ${name}`)
  const times = HISTOGRAMS.flatMap((name) => [
    `s.${name}_sum_us::float8 as ${name}_sum_us`,
    `s.${name}_max_us::float8 as ${name}_max_us`,
    `coalesce(h.${name}_count, 0)::float8 as ${name}_count`,
    ...shares.map((share) => `h.${name}_${share}`),
  ])
  return sql.unsafe([...counts, ...times].join(', '))
}

function histogramColumns(name: string): string {
  return ['count', ...ALL_SHARES]
    .map((column, at) => `max(summary[${at + 1}]) filter (where name = '${name}') as ${name}_${column}`)
    .join(', ')
}

export function toTotals(row: SumsRow | undefined): Totals {
  return {
    ...toCounts(row),
    latency: toTimes(row, 'latency'),
    ttft: toTimes(row, 'ttft'),
    gatewayMs: toTimes(row, 'gateway'),
  }
}

export function toCounts(row: SumsRow | undefined): RequestTotals {
  const of = (column: string) => Number(row?.[column] ?? 0)
  const costNano = BigInt(row?.cost_nano ?? 0)
  const billedNano = BigInt(row?.billed_nano ?? 0)
  const judged = of('successes') + of('errors')
  return {
    requests: of('requests'),
    successes: of('successes'),
    errors: of('errors'),
    clientErrors: of('client_errors'),
    businessLimited: of('business_limited'),
    clientClosed: of('client_closed'),
    http4xx: of('http_4xx'),
    http5xx: of('http_5xx'),
    timeouts: of('timeouts'),
    upstream429: of('upstream_429'),
    upstream529: of('upstream_529'),
    attempts: of('attempts'),
    failedAttempts: of('failed_attempts'),
    accountSwitches: of('account_switches'),
    inputTokens: of('input_tokens'),
    cachedInputTokens: of('cached_input_tokens'),
    outputTokens: of('output_tokens'),
    cost: formatDollars(costNano),
    costNano: String(costNano),
    billed: formatDollars(billedNano),
    billedNano: String(billedNano),
    successRate: percent(of('successes'), judged),
    errorRate: percent(of('errors'), judged),
    upstreamErrorRate: percent(of('failed_attempts'), of('attempts')),
  }
}

function toTimes(row: SumsRow | undefined, name: (typeof HISTOGRAMS)[number]): TimeStats {
  const count = Number(row?.[`${name}_count`] ?? 0)
  const value = (column: string) => {
    const found = row?.[`${name}_${column}`] ?? null
    return found === null || count === 0 ? null : Number(found)
  }
  const sumUs = value('sum_us')
  const maxUs = value('max_us')
  return {
    count,
    p50: value('p50'),
    p95: value('p95'),
    p99: value('p99'),
    p999: value('p999'),
    average: sumUs === null ? null : sumUs / count / 1000,
    max: maxUs === null ? null : maxUs / 1000,
  }
}

/** Null where there is nothing to be a part of. */
export function percent(part: number, whole: number): number | null {
  return whole === 0 ? null : (100 * part) / whole
}
