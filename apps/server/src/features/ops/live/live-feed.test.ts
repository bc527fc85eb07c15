import { makeOutcome } from '@turnpike/db/testing/outcome'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createLiveFeed, type LiveFeed, REPLAY_SECONDS, WAIT_FOR_OTHERS_MS } from './live-feed.ts'
import { emptySecond, type InstanceSecond, type LiveGauges } from './live-tick.ts'

const START_MS = Date.UTC(2026, 0, 1)
const START_SECOND = START_MS / 1000
const GAUGES: LiveGauges = { inFlight: 3, waiters: 1, accountsAvailable: 4, accountsTotal: 5, openStreams: 2 }

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS })
})

afterEach(() => {
  vi.useRealTimers()
})

function open(gauges: () => LiveGauges = () => GAUGES) {
  const feed = createLiveFeed({ clock: { now: () => Date.now() }, gauges, instanceId: 'i-1' })
  return Object.assign(feed, { [Symbol.dispose]: feed.close })
}

/** Reads in the background; `seen` grows as ticks come. */
function follow(feed: LiveFeed, afterSecond: number | null, isSlow = () => false) {
  const stop = new AbortController()
  const seen: number[] = []
  const done = (async () => {
    for await (const { second } of feed.subscribe({ afterSecond, signal: stop.signal, isSlow })) seen.push(second)
  })()
  return {
    seen,
    async stop() {
      stop.abort()
      await done
    },
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at)
}

test('a tick tells of the second that ended: what ended in it, and what is true at its end', async () => {
  using feed = open()
  const reader = feed.subscribe({ afterSecond: null, signal: new AbortController().signal, isSlow: () => false })
  const next = reader.next()
  await vi.advanceTimersByTimeAsync(10)
  const times = makeOutcome().times
  for (const ttftMs of [10, 30, 20, 40]) feed.record(makeOutcome({ times: { ...times, ttftMs } }))
  feed.record(
    makeOutcome({
      outcome: 'exhausted',
      errorCode: 'upstream_rate_limit',
      status: 429,
      times: { ...times, ttftMs: null },
    }),
  )
  feed.record(
    makeOutcome({ outcome: 'failed', errorCode: 'queue_full', status: 429, times: { ...times, ttftMs: null } }),
  )
  feed.record(makeOutcome({ outcome: 'client_closed', status: 499, times: { ...times, ttftMs: null } }))
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await next).toEqual({
    done: false,
    value: {
      second: START_SECOND,
      tick: {
        at: '2026-01-01T00:00:00.000Z',
        qps: 7,
        tps: 7 * 400,
        inFlight: 3,
        waiters: 1,
        errorRate: 20,
        ttftP50Ms: 20,
        ttftP95Ms: 40,
        accountsAvailable: 4,
        accountsTotal: 5,
        openStreams: 2,
        instances: [{ instanceId: 'i-1', qps: 7, tps: 2_800, inFlight: 3, waiters: 1, openStreams: 2 }],
      },
    },
  })
})

test('of a second without requests rates are 0, and what needs requests is null', async () => {
  using feed = open()
  const reader = feed.subscribe({ afterSecond: null, signal: new AbortController().signal, isSlow: () => false })
  const next = reader.next()
  await vi.advanceTimersByTimeAsync(1_000)
  expect((await next).value?.tick).toMatchObject({ qps: 0, tps: 0, errorRate: null, ttftP50Ms: null, ttftP95Ms: null })
})

test('one tick a second, computed once for all subscribers', async () => {
  const gauges = vi.fn(() => GAUGES)
  using feed = open(gauges)
  const readers = Array.from({ length: 50 }, () => follow(feed, null))
  await vi.advanceTimersByTimeAsync(10_000)
  for (const { seen } of readers) expect(seen).toEqual(range(START_SECOND, START_SECOND + 10))
  expect(gauges).toHaveBeenCalledTimes(10)
  await Promise.all(readers.map((reader) => reader.stop()))
})

test('who comes back gets every second he missed, none twice', async () => {
  using feed = open()
  const first = follow(feed, null)
  await vi.advanceTimersByTimeAsync(5_000)
  await first.stop()
  await vi.advanceTimersByTimeAsync(20_000)
  const second = follow(feed, first.seen.at(-1) ?? 0)
  await vi.advanceTimersByTimeAsync(5_000)
  await second.stop()
  expect([...first.seen, ...second.seen]).toEqual(range(START_SECOND, START_SECOND + 30))
})

test('the last 15 minutes are replayed, not more', async () => {
  using feed = open()
  await vi.advanceTimersByTimeAsync((REPLAY_SECONDS + 60) * 1_000)
  const reader = follow(feed, START_SECOND)
  await vi.advanceTimersByTimeAsync(0)
  expect(reader.seen).toEqual(range(START_SECOND + 60, START_SECOND + 60 + REPLAY_SECONDS))
  await reader.stop()
})

test('an id of the future, or of another server’s faster clock, begins with the next tick', async () => {
  using feed = open()
  await vi.advanceTimersByTimeAsync(3_000)
  const reader = follow(feed, START_SECOND + 1_000_000)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(reader.seen).toEqual([START_SECOND + 3, START_SECOND + 4])
  await reader.stop()
})

test('a slow subscriber is skipped and goes on with what is new; the others are not held up', async () => {
  using feed = open()
  let slow = true
  const snail = follow(feed, null, () => slow)
  const hare = follow(feed, null)
  await vi.advanceTimersByTimeAsync(5_000)
  expect(snail.seen).toEqual([])
  slow = false
  await vi.advanceTimersByTimeAsync(2_000)
  expect(snail.seen).toEqual(range(START_SECOND + 5, START_SECOND + 7))
  expect(hare.seen).toEqual(range(START_SECOND, START_SECOND + 7))
  await Promise.all([snail.stop(), hare.stop()])
})

test('catching up waits for a slow reader instead of skipping', async () => {
  using feed = open()
  await vi.advanceTimersByTimeAsync(100_000)
  let sent = 0
  const reader = follow(feed, START_SECOND - 1, () => ++sent % 10 === 0)
  await vi.advanceTimersByTimeAsync(900)
  expect(reader.seen).toEqual(range(START_SECOND, START_SECOND + 100))
  await reader.stop()
})

test('seconds in which the process was blocked are told with what was counted, the rest as no data', async () => {
  using feed = open()
  const reader = follow(feed, null)
  await vi.advanceTimersByTimeAsync(10)
  feed.record(makeOutcome())
  vi.setSystemTime(START_MS + 3_500)
  feed.tick()
  await vi.advanceTimersByTimeAsync(0)
  expect(reader.seen).toEqual(range(START_SECOND, START_SECOND + 3))
  const replay = feed.subscribe({
    afterSecond: START_SECOND - 1,
    signal: new AbortController().signal,
    isSlow: () => false,
  })
  const ticks = [await replay.next(), await replay.next(), await replay.next()].map(({ value }) => value?.tick)
  expect(ticks.map((tick) => [tick?.qps, tick?.inFlight])).toEqual([
    [1, null],
    [0, null],
    [0, 3],
  ])
  await reader.stop()
})

test('a clock that jumps ahead by a day costs no more than the replay window', async () => {
  using feed = open()
  vi.setSystemTime(START_MS + 86_400_000)
  feed.tick()
  const reader = follow(feed, START_SECOND)
  await vi.advanceTimersByTimeAsync(0)
  expect(reader.seen.length).toBeLessThanOrEqual(REPLAY_SECONDS)
  await reader.stop()
})

test('a clock that is set back by an hour does not silence the feed for an hour', async () => {
  using feed = open()
  const reader = follow(feed, null)
  await vi.advanceTimersByTimeAsync(3_000)
  vi.setSystemTime(START_MS - 3_600_000)
  feed.tick()
  await vi.advanceTimersByTimeAsync(3_000)
  expect(reader.seen.slice(0, 3)).toEqual(range(START_SECOND, START_SECOND + 3))
  expect(reader.seen.slice(3).length).toBeGreaterThanOrEqual(2)
  await reader.stop()
})

test('closing ends the clockwork, and a subscriber who left is not waited for', async () => {
  const feed = open()
  const reader = follow(feed, null)
  await vi.advanceTimersByTimeAsync(0)
  await reader.stop()
  feed.close()
  expect(vi.getTimerCount()).toBe(0)
})

describe('of several instances', () => {
  function openShared() {
    const published: InstanceSecond[] = []
    const feed = createLiveFeed({
      clock: { now: () => Date.now() },
      gauges: () => GAUGES,
      instanceId: 'i-1',
      bus: { publish: (second) => void published.push(second) },
    })
    return Object.assign(feed, { published, [Symbol.dispose]: feed.close })
  }

  function other(second: number, changes: Partial<InstanceSecond> = {}): InstanceSecond {
    return {
      ...emptySecond('i-2', second),
      requests: 2,
      tokens: 20,
      successes: 2,
      ttftsMs: [50, 60],
      gauges: GAUGES,
      ...changes,
    }
  }

  /** The ticks from a second on, as who comes back is told them. */
  async function replay(feed: LiveFeed, afterSecond: number, count: number) {
    const reader = feed.subscribe({ afterSecond, signal: new AbortController().signal, isSlow: () => false })
    const ticks = []
    for (let at = 0; at < count; at++) ticks.push((await reader.next()).value?.tick)
    return ticks
  }

  test('a tick is all of them together, each with its share', async () => {
    using feed = openShared()
    feed.hear(other(START_SECOND))
    feed.record(makeOutcome({ times: { ...makeOutcome().times, ttftMs: 10 } }))
    await vi.advanceTimersByTimeAsync(1_000)
    const [tick] = await replay(feed, START_SECOND - 1, 1)
    expect(tick).toMatchObject({
      qps: 3,
      tps: 420,
      inFlight: 6,
      waiters: 2,
      openStreams: 4,
      accountsAvailable: 4,
      accountsTotal: 5,
      errorRate: 0,
      ttftP50Ms: 50,
      ttftP95Ms: 60,
      instances: [
        { instanceId: 'i-1', qps: 1 },
        { instanceId: 'i-2', qps: 2 },
      ],
    })
    expect(feed.published).toEqual([expect.objectContaining({ instanceId: 'i-1', second: START_SECOND, requests: 1 })])
  })

  test('who is known is waited for, but not for long; what comes late is in the replay, and never sent twice', async () => {
    using feed = openShared()
    const reader = follow(feed, null)
    feed.hear(other(START_SECOND))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(reader.seen).toEqual([START_SECOND])
    await vi.advanceTimersByTimeAsync(1_000 + WAIT_FOR_OTHERS_MS - 50)
    expect(reader.seen).toEqual([START_SECOND])
    await vi.advanceTimersByTimeAsync(100)
    expect(reader.seen).toEqual([START_SECOND, START_SECOND + 1])
    feed.hear(other(START_SECOND + 1, { requests: 7 }))
    feed.hear(other(START_SECOND + 1, { requests: 7 }))
    await vi.advanceTimersByTimeAsync(100)
    expect(reader.seen).toEqual([START_SECOND, START_SECOND + 1])
    expect((await replay(feed, START_SECOND, 1))[0]).toMatchObject({ qps: 7 })
    await reader.stop()
  })

  test('who has fallen silent holds nobody up', async () => {
    using feed = openShared()
    const reader = follow(feed, null)
    feed.hear(other(START_SECOND))
    await vi.advanceTimersByTimeAsync(9_100)
    expect(reader.seen).toEqual(range(START_SECOND, START_SECOND + 9))
    await reader.stop()
  })

  test('a clock far ahead of ours is not believed', async () => {
    using feed = openShared()
    feed.hear(other(START_SECOND + 1_000))
    await vi.advanceTimersByTimeAsync(1_000)
    expect((await replay(feed, START_SECOND - 1, 1))[0]).toMatchObject({ qps: 0, instances: [{ instanceId: 'i-1' }] })
  })
})
