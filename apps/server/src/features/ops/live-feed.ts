import type { Outcome } from '@turnpike/core/gateway/outcome'
import { verdictOf } from '@turnpike/core/ops/classify'
import { nearestRank } from '@turnpike/core/ops/nearest-rank'
import type { Refusal } from '@turnpike/core/ops/refusal'
import type { WallClock } from '../../shared/wall-clock.ts'

/** How far back a reconnected page is caught up. */
export const REPLAY_SECONDS = 15 * 60

/** Times to first token kept of one second; beyond it the percentiles are of these. */
const MAX_TTFTS = 10_000

const DRAIN_POLL_MS = 20
const MAX_STEP_BACK_SECONDS = 5

/** What is true at the moment a second ends. */
export interface LiveGauges {
  inFlight: number
  waiters: number
  accountsAvailable: number
  accountsTotal: number
  openStreams: number
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

interface LiveFeedOptions {
  clock: WallClock
  gauges(): LiveGauges
  instanceId?: string
}

interface Subscriber {
  /** The last second the subscriber has; null = begin with the next one. */
  afterSecond: number | null
  signal: AbortSignal
  /** While true the subscriber is skipped. */
  isSlow(): boolean
}

export type LiveFeed = ReturnType<typeof createLiveFeed>

/** One tick a second, computed once for all subscribers, from the outcomes of that second. Starts at once; `close` ends it. */
export function createLiveFeed({ clock, gauges, instanceId = 'local' }: LiveFeedOptions) {
  const ring: { second: number; tick: LiveTick }[] = []
  const waiting = new Set<() => void>()
  let current = emptySecond(secondOf(clock))
  let timer = setTimeout(beat, msToNextSecond(clock))
  timer.unref()

  function record(outcome: Outcome): void {
    closeUpTo(secondOf(clock))
    count(current, outcome)
  }

  /** A request that was turned away before it became one with an outcome. */
  function recordRefusal({ code: errorCode }: Pick<Refusal, 'code'>): void {
    closeUpTo(secondOf(clock))
    current.requests += 1
    if (verdictOf({ outcome: 'failed', errorCode }) === 'error') current.errors += 1
  }

  /** Closes every second that has passed; called by the feed's own timer. */
  function tick(): void {
    closeUpTo(secondOf(clock))
  }

  function beat(): void {
    tick()
    timer = setTimeout(beat, msToNextSecond(clock))
    timer.unref()
  }

  function closeUpTo(second: number): void {
    if (second < current.second - MAX_STEP_BACK_SECONDS) restart(second)
    if (second <= current.second) return
    const firstKept = second - REPLAY_SECONDS
    const measured = gauges()
    while (current.second < second) {
      // Of seconds that passed while nobody could look, only what was counted is known.
      const isLast = current.second === second - 1
      if (current.second >= firstKept) push(current.second, toTick(current, isLast ? measured : null, instanceId))
      current = emptySecond(Math.max(current.second + 1, firstKept))
    }
    const woken = [...waiting]
    waiting.clear()
    for (const wake of woken) wake()
  }

  // A clock that was set back would repeat seconds for as long: what is kept of the future is dropped instead.
  function restart(second: number): void {
    ring.length = 0
    current = emptySecond(second)
  }

  function push(second: number, tick: LiveTick): void {
    ring.push({ second, tick })
    if (ring.length > REPLAY_SECONDS) ring.shift()
  }

  /** Ticks after `afterSecond` from the last 15 minutes, then live ones; each once, in order. The ring is the only buffer. */
  async function* subscribe({
    afterSecond,
    signal,
    isSlow,
  }: Subscriber): AsyncGenerator<{ second: number; tick: LiveTick }> {
    const caughtUpTo = newestSecond()
    let last = afterSecond ?? caughtUpTo
    while (!signal.aborted) {
      last = Math.min(last, newestSecond())
      const next = ring[firstIndexAfter(last)]
      if (!next) {
        await untilWoken(signal)
        continue
      }
      if (isSlow()) {
        if (next.second > caughtUpTo) last = newestSecond()
        else await pause(DRAIN_POLL_MS)
        continue
      }
      last = next.second
      yield next
    }
  }

  function newestSecond(): number {
    return ring.at(-1)?.second ?? current.second - 1
  }

  function firstIndexAfter(second: number): number {
    let low = 0
    let high = ring.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((ring[middle]?.second ?? Number.POSITIVE_INFINITY) <= second) low = middle + 1
      else high = middle
    }
    return low
  }

  function untilWoken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      waiting.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }

  function close(): void {
    clearTimeout(timer)
    for (const wake of [...waiting]) wake()
  }

  return { record, recordRefusal, tick, subscribe, close }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

interface OpenSecond {
  second: number
  requests: number
  tokens: number
  successes: number
  errors: number
  ttfts: number[]
}

function emptySecond(second: number): OpenSecond {
  return { second, requests: 0, tokens: 0, successes: 0, errors: 0, ttfts: [] }
}

function count(second: OpenSecond, outcome: Outcome): void {
  second.requests += 1
  second.tokens += outcome.usage.inputTokens + outcome.usage.outputTokens
  const verdict = verdictOf(outcome)
  if (verdict === 'success') second.successes += 1
  if (verdict === 'error') second.errors += 1
  if (outcome.times.ttftMs !== null && second.ttfts.length < MAX_TTFTS) second.ttfts.push(outcome.times.ttftMs)
}

function toTick(closed: OpenSecond, gauges: LiveGauges | null, instanceId: string): LiveTick {
  const ttfts = closed.ttfts.sort((a, b) => a - b)
  const judged = closed.successes + closed.errors
  const load = {
    inFlight: gauges?.inFlight ?? null,
    waiters: gauges?.waiters ?? null,
    openStreams: gauges?.openStreams ?? null,
  }
  return {
    at: new Date(closed.second * 1000).toISOString(),
    qps: closed.requests,
    tps: closed.tokens,
    ...load,
    errorRate: judged === 0 ? null : (100 * closed.errors) / judged,
    ttftP50Ms: nearestRank(ttfts, 0.5),
    ttftP95Ms: nearestRank(ttfts, 0.95),
    accountsAvailable: gauges?.accountsAvailable ?? null,
    accountsTotal: gauges?.accountsTotal ?? null,
    instances: [{ instanceId, qps: closed.requests, tps: closed.tokens, ...load }],
  }
}

function secondOf(clock: WallClock): number {
  return Math.floor(clock.now() / 1000)
}

function msToNextSecond(clock: WallClock): number {
  return 1000 - (clock.now() % 1000)
}
