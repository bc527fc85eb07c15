import type { Outcome } from '@turnpike/core/gateway/outcome'
import { verdictOf } from '@turnpike/core/ops/classify'
import type { Refusal } from '@turnpike/core/ops/refusal'
import type { WallClock } from '../../../shared/wall-clock.ts'
import type { InstanceBus } from './instance-bus.ts'
import { countOutcome, emptySecond, type InstanceSecond, type LiveGauges, type LiveTick, toTick } from './live-tick.ts'

/** How far back a reconnected page is caught up. */
export const REPLAY_SECONDS = 15 * 60

/** Others are waited for so long after the end of a second; what they tell later is in replays only. */
export const WAIT_FOR_OTHERS_MS = 700
/** Who has told nothing for so long is not waited for. */
const SILENT_AFTER_SECONDS = 5
/** Seconds of others that are ahead of ours. */
const MAX_AHEAD_SECONDS = 5

const DRAIN_POLL_MS = 20
const MAX_STEP_BACK_SECONDS = 5

interface LiveFeedOptions {
  clock: WallClock
  /** Null = nobody can look yet. */
  gauges(): LiveGauges | null
  instanceId?: string
  /** Null = there is one instance. */
  bus?: Pick<InstanceBus, 'publish'> | null
}

interface Entry {
  second: number
  parts: InstanceSecond[]
  tick: LiveTick
}

interface Subscriber {
  /** The last second the subscriber has; null = begin with the next one. */
  afterSecond: number | null
  signal: AbortSignal
  /** While true the subscriber is skipped. */
  isSlow(): boolean
}

export type LiveFeed = ReturnType<typeof createLiveFeed>

/**
 * One tick a second of all instances together, computed once for all subscribers. Starts at once; `close` ends it. With a
 * bus a tick waits for the other instances' share of it, but not for long.
 */
export function createLiveFeed({ clock, gauges, instanceId = 'local', bus = null }: LiveFeedOptions) {
  const ring: Entry[] = []
  /** Seconds that are over here and wait for others; theirs that are not over here. */
  const pending = new Map<number, InstanceSecond[]>()
  /** The last second each other instance told of. */
  const heard = new Map<string, number>()
  const waiting = new Set<() => void>()
  let current = emptySecond(instanceId, secondOf(clock))
  let patience: NodeJS.Timeout | null = null
  let timer = setTimeout(beat, msToNextSecond(clock))
  timer.unref()

  function record(outcome: Outcome): void {
    closeUpTo(secondOf(clock))
    countOutcome(current, outcome)
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
      if (current.second >= firstKept) closeOwn({ ...current, gauges: isLast ? measured : null })
      current = emptySecond(instanceId, Math.max(current.second + 1, firstKept))
    }
    settle()
  }

  function closeOwn(own: InstanceSecond): void {
    bus?.publish(own)
    pending.set(own.second, [own, ...(pending.get(own.second) ?? [])])
  }

  /** What another instance counted. Told of a second that has been sent, it is in replays only. */
  function hear(part: InstanceSecond): void {
    if (part.instanceId === instanceId || part.second > current.second + MAX_AHEAD_SECONDS) return
    heard.set(part.instanceId, Math.max(part.second, heard.get(part.instanceId) ?? 0))
    const sent = ring[firstIndexAfter(part.second - 1)]
    if (sent?.second === part.second) return join(sent, part)
    if (part.second <= newestSecond()) return
    const parts = pending.get(part.second) ?? []
    if (!parts.some((each) => each.instanceId === part.instanceId)) pending.set(part.second, [...parts, part])
    settle()
  }

  function join(entry: Entry, part: InstanceSecond): void {
    if (entry.parts.some((each) => each.instanceId === part.instanceId)) return
    entry.parts.push(part)
    entry.tick = toTick(entry.second, entry.parts)
  }

  /** Sends the seconds that are whole, or have waited long enough, in order. */
  function settle(): void {
    const before = ring.length === 0 ? null : newestSecond()
    for (const second of [...pending.keys()].toSorted((a, b) => a - b)) {
      if (second >= current.second || !isDue(second)) break
      const parts = pending.get(second) ?? []
      pending.delete(second)
      push({ second, parts, tick: toTick(second, parts) })
    }
    if (patience !== null) clearTimeout(patience)
    patience = null
    const [oldest] = [...pending.keys()].filter((second) => second < current.second).toSorted((a, b) => a - b)
    if (oldest !== undefined) {
      patience = setTimeout(settle, Math.max((oldest + 1) * 1000 + WAIT_FOR_OTHERS_MS - clock.now(), 1))
      patience.unref()
    }
    if (ring.length > 0 && newestSecond() !== before) wakeAll()
  }

  function isDue(second: number): boolean {
    if (clock.now() >= (second + 1) * 1000 + WAIT_FOR_OTHERS_MS) return true
    const told = new Set(pending.get(second)?.map((part) => part.instanceId))
    for (const [other, last] of heard) {
      if (last < second - SILENT_AFTER_SECONDS) heard.delete(other)
      else if (!told.has(other)) return false
    }
    return true
  }

  function wakeAll(): void {
    const woken = [...waiting]
    waiting.clear()
    for (const wake of woken) wake()
  }

  // A clock that was set back would repeat seconds for as long: what is kept of the future is dropped instead.
  function restart(second: number): void {
    ring.length = 0
    pending.clear()
    heard.clear()
    current = emptySecond(instanceId, second)
  }

  function push(entry: Entry): void {
    ring.push(entry)
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
      yield { second: next.second, tick: next.tick }
    }
  }

  function newestSecond(): number {
    return ring.at(-1)?.second ?? Math.min(current.second, ...pending.keys()) - 1
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
    if (patience !== null) clearTimeout(patience)
    for (const wake of [...waiting]) wake()
  }

  return { record, recordRefusal, hear, tick, subscribe, close }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function secondOf(clock: WallClock): number {
  return Math.floor(clock.now() / 1000)
}

function msToNextSecond(clock: WallClock): number {
  return 1000 - (clock.now() % 1000)
}
