import { expect, test } from 'vitest'
import { type Times, waterfall } from './waterfall.ts'

const times: Times = {
  queueMs: 100,
  routeMs: 50,
  upstreamConnectMs: 50,
  upstreamFirstByteMs: 300,
  ttftMs: 500,
  totalMs: 1000,
  gatewayMs: 2,
}

function placed(change: Partial<Times> = {}) {
  return Object.fromEntries(
    waterfall({ ...times, ...change }).map(({ name, startPercent, widthPercent }) => [
      name,
      [startPercent, widthPercent],
    ]),
  )
}

test('every time lies where it happened', () => {
  expect(placed()).toEqual({
    queue: [0, 10],
    route: [10, 5],
    connect: [15, 5],
    firstByte: [15, 30],
    ttft: [0, 50],
    total: [0, 100],
    gateway: [0, 0.2],
  })
})

test('a moment never reached has no bar and no number', () => {
  const bars = waterfall({ ...times, upstreamFirstByteMs: null, ttftMs: null, gatewayMs: null })
  const unreached = bars.filter(({ ms }) => ms === null)
  expect(unreached.map(({ name }) => name)).toEqual(['firstByte', 'ttft', 'gateway'])
  expect(unreached.every(({ widthPercent }) => widthPercent === 0)).toBe(true)
})

test('nothing leaves the picture, even where rounding put a part beyond the total', () => {
  for (const { startPercent, widthPercent } of waterfall({ ...times, totalMs: 120 })) {
    expect(startPercent + widthPercent).toBeLessThanOrEqual(100.000001)
  }
})

test('a request that took no time has empty bars', () => {
  const nothing = { queueMs: 0, routeMs: 0, upstreamConnectMs: null, upstreamFirstByteMs: null }
  expect(placed({ ...nothing, ttftMs: null, totalMs: 0, gatewayMs: null }).total).toEqual([0, 0])
})
