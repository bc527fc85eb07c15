import { expect, test } from 'vitest'
import type { LiveTick } from './live-tick.ts'
import { createTickRing } from './tick-ring.ts'

const BASE = 1_800_000_000

function tick(qps: number): LiveTick {
  return {
    at: '',
    qps,
    tps: 0,
    inFlight: null,
    waiters: null,
    errorRate: null,
    ttftP50Ms: null,
    ttftP95Ms: null,
    accountsAvailable: null,
    accountsTotal: null,
    openStreams: null,
  }
}

function qpsOf(ring: ReturnType<typeof createTickRing>) {
  return ring.columns((each) => each.qps)
}

test('a ring that has seen nothing draws nothing', () => {
  expect(qpsOf(createTickRing(4))).toEqual([[], []])
})

test('a second that never came is a gap, not a zero', () => {
  const ring = createTickRing(4)
  ring.push(BASE, tick(5))
  ring.push(BASE + 2, tick(7))
  expect(qpsOf(ring)).toEqual([
    [BASE - 1, BASE, BASE + 1, BASE + 2],
    [null, 5, null, 7],
  ])
})

test('what is null in a tick is a gap as well', () => {
  const ring = createTickRing(2)
  ring.push(BASE, tick(0))
  expect(ring.columns((each) => each.ttftP50Ms)[1]).toEqual([null, null])
})

test('the oldest second leaves when the window is full, and not one earlier', () => {
  const ring = createTickRing(3)
  for (let i = 0; i < 3; i++) ring.push(BASE + i, tick(i))
  expect(qpsOf(ring)[1]).toEqual([0, 1, 2])
  ring.push(BASE + 3, tick(3))
  expect(qpsOf(ring)[1]).toEqual([1, 2, 3])
})

test('a replayed tick takes its old place, out of order too', () => {
  const ring = createTickRing(3)
  ring.push(BASE + 2, tick(2))
  ring.push(BASE, tick(0))
  ring.push(BASE + 2, tick(9))
  expect(qpsOf(ring)[1]).toEqual([0, null, 9])
  expect(ring.newestSecond).toBe(BASE + 2)
})

test('after a long silence nothing old is shown', () => {
  const ring = createTickRing(3)
  ring.push(BASE, tick(1))
  ring.push(BASE + 3, tick(2))
  expect(qpsOf(ring)[1]).toEqual([null, null, 2])
})

test('a clock set far back begins anew', () => {
  const ring = createTickRing(3)
  ring.push(BASE, tick(1))
  ring.push(BASE - 3, tick(2))
  expect(ring.newestSecond).toBe(BASE - 3)
  expect(qpsOf(ring)[1]).toEqual([null, null, 2])
})
