import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { makeLog } from '../../../shared/journal/__fixtures__/journal-world.ts'
import type { ErrorSummary } from './error-record.ts'
import { createErrorsFeed, MAX_KEPT } from './errors-feed.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

function makeWorld(count = 0) {
  const ids: number[] = Array.from({ length: count }, (_, index) => index + 1)
  let looks = 0
  const feed = createErrorsFeed({
    errors: {
      newestId: async () => ids.at(-1) ?? 0,
      async after(id, limit) {
        looks += 1
        // Safe because the feed looks at nothing but the id.
        return ids
          .filter((each) => each > id)
          .slice(0, limit)
          .map((each) => ({ id: each }) as ErrorSummary)
      },
    },
    log: makeLog(),
  })
  function follow(afterId: number | null, isSlow = () => false) {
    const stop = new AbortController()
    const seen: number[] = []
    const done = (async () => {
      for await (const { id } of feed.subscribe({ afterId, signal: stop.signal, isSlow })) seen.push(id)
    })()
    return {
      seen,
      async stop() {
        stop.abort()
        await done
      },
    }
  }
  return { ids, feed, follow, looks: () => looks }
}

test('who follows gets what is written from then on, each once', async () => {
  const { ids, follow } = makeWorld(3)
  const first = follow(null)
  await vi.advanceTimersByTimeAsync(10)
  const second = follow(null)
  ids.push(4)
  await vi.advanceTimersByTimeAsync(1_000)
  ids.push(5, 6)
  await vi.advanceTimersByTimeAsync(2_000)
  expect([first.seen, second.seen]).toEqual([
    [4, 5, 6],
    [4, 5, 6],
  ])
  await Promise.all([first.stop(), second.stop()])
})

test('who comes back goes on where he was, however far behind', async () => {
  const { ids, follow } = makeWorld(MAX_KEPT * 2)
  const other = follow(null)
  const back = follow(600)
  await vi.advanceTimersByTimeAsync(3_000)
  ids.push(MAX_KEPT * 2 + 1)
  await vi.advanceTimersByTimeAsync(1_500)
  expect(back.seen).toEqual(ids.slice(600))
  expect(other.seen).toEqual([MAX_KEPT * 2 + 1])
  await Promise.all([back.stop(), other.stop()])
})

test('a burst of thousands is told within a second', async () => {
  const { ids, follow } = makeWorld()
  const reader = follow(null)
  await vi.advanceTimersByTimeAsync(10)
  ids.push(...Array.from({ length: 3_000 }, (_, index) => index + 1))
  await vi.advanceTimersByTimeAsync(1_100)
  expect(reader.seen).toEqual(ids)
  await reader.stop()
})

test('one look a second, however many follow; none when nobody does', async () => {
  const { feed, follow, looks } = makeWorld(1)
  const readers = Array.from({ length: 50 }, () => follow(null))
  await vi.advanceTimersByTimeAsync(10_500)
  expect(looks()).toBeLessThanOrEqual(12)
  await Promise.all(readers.map((reader) => reader.stop()))
  await vi.advanceTimersByTimeAsync(1_100)
  const before = looks()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(looks()).toBe(before)
  await feed.close()
  expect(vi.getTimerCount()).toBe(0)
})

test('a slow reader misses what he has no time for, and goes on with what is new', async () => {
  const { ids, follow } = makeWorld()
  let slow = true
  const snail = follow(null, () => slow)
  await vi.advanceTimersByTimeAsync(10)
  ids.push(1, 2)
  await vi.advanceTimersByTimeAsync(1_100)
  slow = false
  ids.push(3)
  await vi.advanceTimersByTimeAsync(1_100)
  expect(snail.seen).toEqual([3])
  await snail.stop()
})
