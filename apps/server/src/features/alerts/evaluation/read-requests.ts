import type { AlertDimension } from '@turnpike/core/alerts/metrics'
import type { RequestCounts } from '@turnpike/core/alerts/request-reading'
import { countOfBins } from '@turnpike/core/ops/histogram'
import type { Span, Step } from '@turnpike/core/ops/window'
import type { Dimension } from '@turnpike/core/ops/words'
import { COUNT_MASK, HISTOGRAMS, summed, summedTimes } from '@turnpike/db'
import type { PendingQuery, Row, Sql } from 'postgres'

/** A table expression of stored rows of counts (ops.md, "From outcome to number"): each moment from the coarsest that is true. */
export type CountsSource = (span: Span, dimension: Dimension, coarsest: Step) => Promise<{ rows: PendingQuery<Row[]> }>

/** What requests of these values came to in the span, or in the minute that ends at `atMs`. */
export interface RequestRow {
  values: Readonly<Record<string, string | null>>
  /** Null = the whole span. */
  atMs: number | null
  counts: RequestCounts
}

interface RequestsQuestion {
  span: Span
  /** What rows are told apart by; a user or a key stands alone. */
  dimensions: readonly AlertDimension[]
  byMinute: boolean
  /** Whether percentiles are wanted: bins are most of the work. */
  withBins: boolean
}

const COLUMNS: Readonly<Record<AlertDimension, string>> = {
  provider: 'provider',
  group: 'group_id',
  account: 'account_id',
  model: 'model',
  endpoint: 'endpoint',
  user: 'user_id',
  key: 'key_id',
}
const MINUTE_MS = 60_000
/** Series beyond that are left out: the busiest stay. */
const MAX_ROWS = 200_000

/** One look at the stored counts for whoever asks about this span and these dimensions. */
export async function readRequests(
  sql: Sql,
  source: CountsSource,
  { span, dimensions, byMinute, withBins }: RequestsQuestion,
): Promise<RequestRow[]> {
  const { rows } = await source(span, storedDimension(dimensions), byMinute ? 'minute' : 'hour')
  const values = dimensions.map((dimension) => `${COLUMNS[dimension]}::text as ${aliasOf(dimension)}`)
  const minute = `(extract(epoch from date_trunc('minute', bucket)) * 1000 + ${MINUTE_MS})::float8 as at`
  const names = [...(byMinute ? ['at'] : []), ...dimensions.map(aliasOf)]
  const keys = names.length === 0 ? '()' : names.join(', ')
  const on = names.map((name) => `s.${name} is not distinct from b.${name}`).join(' and ') || 'true'
  const found = await sql<Record<string, string | number | number[] | null>[]>`
    with source as (${rows}),
    keyed as (select ${sql.unsafe([...(byMinute ? [minute] : []), ...values, 'source.*'].join(', '))} from source),
    sums as (
      select ${sql.unsafe([...names, summed(), summedTimes()].join(', '))} from keyed group by ${sql.unsafe(keys)} having count(*) > 0),
    bins as (
      select ${sql.unsafe([...names, ...HISTOGRAMS.map(mergedBins)].join(', '))}
      from (${sql.unsafe(withBins ? HISTOGRAMS.map((name) => binsOf(name, names)).join(' union all ') : noBins(names))}) as b
      group by ${sql.unsafe(keys)})
    select s.*, ${sql.unsafe(HISTOGRAMS.map((name) => `b.${name}_bins`).join(', '))}
    from sums s left join bins b on ${sql.unsafe(on)}
    order by s.requests desc limit ${MAX_ROWS}`
  const seconds = byMinute ? 60 : (span.toMs - span.fromMs) / 1000
  return found.map((row) => ({
    values: Object.fromEntries(dimensions.map((name) => [name, textOf(row[aliasOf(name)])])),
    atMs: byMinute ? Number(row.at) : null,
    counts: toCounts(row, seconds),
  }))
}

/** The rows have columns of the dimensions' own names. */
function aliasOf(dimension: AlertDimension): string {
  return `by_${dimension}`
}

function textOf(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}

function storedDimension(dimensions: readonly AlertDimension[]): Dimension {
  const [only] = dimensions
  return only === 'user' || only === 'key' ? only : 'tuple'
}

function binsOf(name: string, names: readonly string[]): string {
  const keys = [...names, 'bin >> 40'].join(', ')
  return `select ${[...names, `'${name}' as histogram`, 'bin >> 40 as bin_key', `sum(bin & ${COUNT_MASK})::bigint as count`].join(', ')}
    from keyed cross join lateral unnest(${name}_bins) as bin group by ${keys}`
}

function noBins(names: readonly string[]): string {
  return `select ${[...names, "'' as histogram", '0::bigint as bin_key', '0::bigint as count'].join(', ')} from keyed where false`
}

/** Numbers that JavaScript holds exactly: the client would give 64-bit integers as text. */
function mergedBins(name: string): string {
  return `array_agg(((bin_key << 40) + count)::float8 order by bin_key) filter (where histogram = '${name}') as ${name}_bins`
}

type FoundRow = Record<string, string | number | number[] | null>

function toCounts(row: FoundRow, seconds: number): RequestCounts {
  const of = (column: string) => Number(row[column] ?? 0)
  return {
    requests: of('requests'),
    successes: of('successes'),
    errors: of('errors'),
    http4xx: of('http_4xx'),
    http5xx: of('http_5xx'),
    timeouts: of('timeouts'),
    upstream429: of('upstream_429'),
    attempts: of('attempts'),
    failedAttempts: of('failed_attempts'),
    accountSwitches: of('account_switches'),
    inputTokens: of('input_tokens'),
    outputTokens: of('output_tokens'),
    costNano: of('cost_nano'),
    billedNano: of('billed_nano'),
    seconds,
    perSecond: null,
    latency: timesOf(row, 'latency'),
    ttft: timesOf(row, 'ttft'),
    gateway: timesOf(row, 'gateway'),
  }
}

function timesOf(row: FoundRow, name: (typeof HISTOGRAMS)[number]): RequestCounts['latency'] {
  const found = row[`${name}_bins`]
  const bins = Array.isArray(found) ? found : []
  return {
    count: countOfBins(bins),
    sumUs: Number(row[`${name}_sum_us`] ?? 0),
    maxUs: Number(row[`${name}_max_us`] ?? 0),
    bins,
  }
}
