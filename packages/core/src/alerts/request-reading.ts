import { mergeBins } from '../ops/histogram.ts'
import type { AlertMetric } from './metrics.ts'
import type { Reading } from './reading.ts'

/** Counts of requests of one series and span, as the stored rows add up (ops.md, "From outcome to number"). */
export interface RequestCounts {
  requests: number
  successes: number
  errors: number
  http4xx: number
  http5xx: number
  timeouts: number
  upstream429: number
  attempts: number
  failedAttempts: number
  accountSwitches: number
  inputTokens: number
  outputTokens: number
  costNano: number
  billedNano: number
  /** Seconds of the span. */
  seconds: number
  /** Of each minute of the span, where that was asked for. */
  perSecond: { requests: Extremes; tokens: Extremes } | null
  latency: Times
  ttft: Times
  gateway: Times
}

interface Extremes {
  max: number
  min: number
}

interface Times {
  count: number
  sumUs: number
  maxUs: number
  bins: readonly number[]
}

const SECONDS_PER_MINUTE = 60
const NANO = 1e9
const US_PER_MS = 1000

/** What these requests say about a metric of the source `requests`; null = it is of another source. */
export function requestReading(metric: AlertMetric, counts: RequestCounts): Reading | null {
  const { successes, errors } = counts
  switch (metric) {
    case 'success_rate':
    case 'sla':
      return ratio(successes, successes + errors)
    case 'error_rate':
      return ratio(errors, successes + errors)
    case 'upstream_error_rate':
      return ratio(counts.failedAttempts, counts.attempts)
    case 'latency_ms':
      return duration(counts.latency)
    case 'ttft_ms':
      return duration(counts.ttft)
    case 'gateway_ms':
      return duration(counts.gateway)
    case 'request_count':
      return sum(counts.requests)
    case 'http_4xx_count':
      return sum(counts.http4xx)
    case 'http_5xx_count':
      return sum(counts.http5xx)
    case 'timeout_count':
      return sum(counts.timeouts)
    case 'tokens':
      return sum(counts.inputTokens + counts.outputTokens)
    case 'cost':
      return sum(counts.costNano / NANO)
    case 'account_switches':
      return sum(counts.accountSwitches)
    case 'account_errors':
      return sum(counts.failedAttempts)
    case 'account_rate_limited':
      return sum(counts.upstream429)
    case 'key_spending':
      return sum(counts.billedNano / NANO)
    case 'qps':
      return perSecond(counts.requests, counts.seconds, counts.perSecond?.requests)
    case 'tps':
      return perSecond(counts.inputTokens + counts.outputTokens, counts.seconds, counts.perSecond?.tokens)
    default:
      return null
  }
}

function ratio(part: number, whole: number): Reading {
  return { part, whole, max: null, min: null, bins: [], values: [] }
}

function sum(part: number): Reading {
  return { part, whole: 0, max: null, min: null, bins: [], values: [] }
}

function duration({ count, sumUs, maxUs, bins }: Times): Reading {
  const max = count === 0 ? null : maxUs / US_PER_MS
  return { part: sumUs / US_PER_MS, whole: count, max, min: null, bins, values: [] }
}

function perSecond(part: number, seconds: number, extremes: Extremes | undefined): Reading {
  return { part, whole: seconds, max: extremes?.max ?? null, min: extremes?.min ?? null, bins: [], values: [] }
}

/** Counts of several rows of one series: of other values, or, with `atMs`, of other minutes of a window. */
export function combinedCounts(
  rows: readonly { atMs: number | null; counts: RequestCounts }[],
  windowMinutes: number,
): RequestCounts {
  const total = (member: CountMember) => rows.reduce((sum, { counts }) => sum + counts[member], 0)
  return {
    requests: total('requests'),
    successes: total('successes'),
    errors: total('errors'),
    http4xx: total('http4xx'),
    http5xx: total('http5xx'),
    timeouts: total('timeouts'),
    upstream429: total('upstream429'),
    attempts: total('attempts'),
    failedAttempts: total('failedAttempts'),
    accountSwitches: total('accountSwitches'),
    inputTokens: total('inputTokens'),
    outputTokens: total('outputTokens'),
    costNano: total('costNano'),
    billedNano: total('billedNano'),
    seconds: windowMinutes * SECONDS_PER_MINUTE,
    perSecond: extremesOf(rows, windowMinutes),
    latency: combinedTimes(rows.map(({ counts }) => counts.latency)),
    ttft: combinedTimes(rows.map(({ counts }) => counts.ttft)),
    gateway: combinedTimes(rows.map(({ counts }) => counts.gateway)),
  }
}

type CountMember = Exclude<keyof RequestCounts, 'perSecond' | 'latency' | 'ttft' | 'gateway'>

function combinedTimes(times: readonly Times[]): Times {
  return {
    count: times.reduce((sum, { count }) => sum + count, 0),
    sumUs: times.reduce((sum, { sumUs }) => sum + sumUs, 0),
    maxUs: times.reduce((most, { maxUs }) => Math.max(most, maxUs), 0),
    bins: mergeBins(times.map(({ bins }) => bins)),
  }
}

/** The busiest and the quietest minute; one of which there is no row had nothing. Null = rows are of no minute. */
function extremesOf(
  rows: readonly { atMs: number | null; counts: RequestCounts }[],
  windowMinutes: number,
): RequestCounts['perSecond'] {
  const minutes = new Map<number, { requests: number; tokens: number }>()
  for (const { atMs, counts } of rows) {
    if (atMs === null) return null
    const minute = minutes.get(atMs) ?? { requests: 0, tokens: 0 }
    minute.requests += counts.requests
    minute.tokens += counts.inputTokens + counts.outputTokens
    minutes.set(atMs, minute)
  }
  const of = (member: 'requests' | 'tokens'): Extremes => {
    const values = [...minutes.values()].map((minute) => minute[member] / SECONDS_PER_MINUTE)
    if (minutes.size < windowMinutes) values.push(0)
    return {
      max: values.reduce((a, b) => Math.max(a, b), 0),
      min: values.reduce((a, b) => Math.min(a, b), values[0] ?? 0),
    }
  }
  return { requests: of('requests'), tokens: of('tokens') }
}
