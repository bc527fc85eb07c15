import type { Outcome } from '@turnpike/core/gateway/outcome'
import { verdictOf } from '@turnpike/core/ops/classify'
import { nearestRank } from '@turnpike/core/ops/nearest-rank'

/** Times to first token told of one second by one instance; beyond it the percentiles are of these. */
const MAX_TTFTS = 2_000

/** What is true at the moment a second ends. */
export interface LiveGauges {
  inFlight: number
  waiters: number
  accountsAvailable: number
  accountsTotal: number
  openStreams: number
}

/** What one instance counted in one second. */
export interface InstanceSecond {
  instanceId: string
  /** Epoch second. */
  second: number
  requests: number
  tokens: number
  successes: number
  errors: number
  ttftsMs: number[]
  /** Null = nobody could look. */
  gauges: LiveGauges | null
}

/** The share of one instance in a tick. */
export interface LiveInstance {
  instanceId: string
  qps: number
  tps: number
  inFlight: number | null
  waiters: number | null
  openStreams: number | null
}

/** One second; null = no data. Rates are of requests that ended in it. */
export interface LiveTick {
  /** The second that ended, as its beginning. */
  at: string
  qps: number
  /** Input and output tokens. */
  tps: number
  inFlight: number | null
  waiters: number | null
  /** Percent: errors of provider or platform of those and the successes. */
  errorRate: number | null
  ttftP50Ms: number | null
  ttftP95Ms: number | null
  accountsAvailable: number | null
  accountsTotal: number | null
  openStreams: number | null
  instances: LiveInstance[]
}

export function emptySecond(instanceId: string, second: number): InstanceSecond {
  return { instanceId, second, requests: 0, tokens: 0, successes: 0, errors: 0, ttftsMs: [], gauges: null }
}

export function countOutcome(second: InstanceSecond, outcome: Outcome): void {
  second.requests += 1
  second.tokens += outcome.usage.inputTokens + outcome.usage.outputTokens
  const verdict = verdictOf(outcome)
  if (verdict === 'success') second.successes += 1
  if (verdict === 'error') second.errors += 1
  const { ttftMs } = outcome.times
  if (ttftMs !== null && second.ttftsMs.length < MAX_TTFTS) second.ttftsMs.push(ttftMs)
}

/** One second of all instances that told of it. */
export function toTick(second: number, parts: readonly InstanceSecond[]): LiveTick {
  const ttfts = parts.flatMap(({ ttftsMs }) => ttftsMs).toSorted((a, b) => a - b)
  const successes = sum(parts, ({ successes: count }) => count)
  const errors = sum(parts, ({ errors: count }) => count)
  const judged = successes + errors
  const gauges = parts.flatMap((part) => part.gauges ?? [])
  const all = (of: (gauge: LiveGauges) => number) => (gauges.length === 0 ? null : sum(gauges, of))
  // Instances share one configuration: what one of them sees is there.
  const most = (of: (gauge: LiveGauges) => number) => (gauges.length === 0 ? null : Math.max(...gauges.map(of)))
  return {
    at: new Date(second * 1000).toISOString(),
    qps: sum(parts, ({ requests }) => requests),
    tps: sum(parts, ({ tokens }) => tokens),
    inFlight: all(({ inFlight }) => inFlight),
    waiters: all(({ waiters }) => waiters),
    openStreams: all(({ openStreams }) => openStreams),
    errorRate: judged === 0 ? null : (100 * errors) / judged,
    ttftP50Ms: nearestRank(ttfts, 0.5),
    ttftP95Ms: nearestRank(ttfts, 0.95),
    accountsAvailable: most(({ accountsAvailable }) => accountsAvailable),
    accountsTotal: most(({ accountsTotal }) => accountsTotal),
    instances: parts.map(toInstance).toSorted((a, b) => (a.instanceId < b.instanceId ? -1 : 1)),
  }
}

function toInstance({ instanceId, requests, tokens, gauges }: InstanceSecond): LiveInstance {
  return {
    instanceId,
    qps: requests,
    tps: tokens,
    inFlight: gauges?.inFlight ?? null,
    waiters: gauges?.waiters ?? null,
    openStreams: gauges?.openStreams ?? null,
  }
}

function sum<T>(list: readonly T[], of: (each: T) => number): number {
  return list.reduce((total, each) => total + of(each), 0)
}
