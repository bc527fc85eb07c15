import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { LiveTick } from '../../apps/admin/src/lib/features/live/live-tick.ts'
import { createTickRing, WINDOW_SECONDS } from '../../apps/admin/src/lib/features/live/tick-ring.ts'

const HOUR_SECONDS = 3_600
const START = 1_772_700_000

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

test('an hour of ticks, and a replay after each lost line, leaves no more behind than the window holds', async () => {
  const ring = createTickRing()
  const seen: WeakRef<LiveTick>[] = []
  const push = (second: number) => {
    const tick = tickAt(second)
    seen.push(new WeakRef(tick))
    ring.push(second, tick)
  }
  for (let second = START; second < START + HOUR_SECONDS; second++) {
    push(second)
    const isBack = second % 600 === 0
    if (isBack) for (let replayed = second - WINDOW_SECONDS; replayed <= second; replayed++) push(replayed)
    ring.columns(({ qps }) => qps)
  }
  // What a WeakRef was made of in this turn of the loop is held until it is over.
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  const alive = seen.filter((reference) => reference.deref() !== undefined).length
  expect(seen.length).toBeGreaterThan(HOUR_SECONDS)
  expect(alive).toBeGreaterThan(0)
  expect(alive).toBeLessThanOrEqual(WINDOW_SECONDS)
  expect(ring.columns(({ qps }) => qps).map((column) => column.length)).toEqual([WINDOW_SECONDS, WINDOW_SECONDS])
})

function tickAt(second: number): LiveTick {
  return {
    at: new Date(second * 1000).toISOString(),
    qps: second % 7,
    tps: 0,
    inFlight: 0,
    waiters: 0,
    errorRate: null,
    ttftP50Ms: null,
    ttftP95Ms: null,
    accountsAvailable: 1,
    accountsTotal: 1,
    openStreams: 0,
  }
}
