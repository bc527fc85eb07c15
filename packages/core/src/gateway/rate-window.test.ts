import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RATE_BUCKET_MS, RATE_WINDOW_MS, RateWindow, tighter } from './rate-window.ts'

/** Steps of time in ms and what is asked for at each: bursts, trickles and pauses. */
const traffic = fc.array(
  fc.record({
    stepMs: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 90_000 })),
    amount: fc.integer({ min: 1, max: 40 }),
  }),
  { maxLength: 200 },
)

interface Event {
  at: number
  amount: number
}

/** Lets through what fits, as an instance does. */
function admitAll(window: RateWindow, asked: { stepMs: number; amount: number }[], limit: number): Event[] {
  const admitted: Event[] = []
  let now = 12_345
  for (const { stepMs, amount } of asked) {
    now += stepMs
    if (window.msUntilFits(amount, limit, now) > 0) continue
    window.add(amount, now)
    admitted.push({ at: now, amount })
  }
  return admitted
}

function sumWithin(events: Event[], from: number): number {
  return events
    .filter(({ at }) => at >= from && at < from + RATE_WINDOW_MS)
    .reduce((total, { amount }) => total + amount, 0)
}

describe('a window of one minute', () => {
  it('never lets more than the limit into any 60 s', () => {
    fc.assert(
      fc.property(traffic, fc.integer({ min: 1, max: 100 }), (asked, limit) => {
        const admitted = admitAll(new RateWindow(), asked, limit)
        for (const { at } of admitted) expect(sumWithin(admitted, at)).toBeLessThanOrEqual(limit)
      }),
    )
  })

  it('refuses nothing that a window one bucket longer would have let in', () => {
    fc.assert(
      fc.property(traffic, fc.integer({ min: 1, max: 100 }), (asked, limit) => {
        const window = new RateWindow()
        const events: Event[] = []
        let now = 0
        for (const { stepMs, amount } of asked) {
          now += stepMs
          const counted = events
            .filter(({ at }) => at > now - RATE_WINDOW_MS - RATE_BUCKET_MS)
            .reduce((total, event) => total + event.amount, 0)
          const fits = window.msUntilFits(amount, limit, now) === 0
          if (counted + amount <= limit) expect(fits).toBe(true)
          if (!fits) continue
          window.add(amount, now)
          events.push({ at: now, amount })
        }
      }),
    )
  })

  it('says exactly when a request would pass: then it does, a millisecond before it does not', () => {
    fc.assert(
      fc.property(traffic, fc.integer({ min: 1, max: 40 }), (asked, amount) => {
        const window = new RateWindow()
        const limit = 40
        const now = admitAll(window, asked, limit).at(-1)?.at ?? 0
        const waitMs = window.msUntilFits(amount, limit, now)
        expect(waitMs).toBeLessThanOrEqual(RATE_WINDOW_MS)
        if (waitMs > 0) expect(window.msUntilFits(amount, limit, now + waitMs - 1)).toBe(1)
        expect(window.msUntilFits(amount, limit, now + waitMs)).toBe(0)
      }),
    )
  })

  it('counts what was taken back no longer, and never below nothing', () => {
    fc.assert(
      fc.property(traffic, fc.integer({ min: 0, max: 100 }), (asked, excess) => {
        const window = new RateWindow()
        let now = 0
        for (const { stepMs, amount } of asked) {
          now += stepMs
          const before = window.used(now)
          window.takeBack(amount, window.add(amount, now))
          expect(window.used(now)).toBe(before)
          window.takeBack(excess, window.add(amount, now))
          expect(window.used(now)).toBeGreaterThanOrEqual(0)
        }
      }),
    )
  })

  it('counts one event for exactly 60 s', () => {
    const window = new RateWindow()
    window.add(1, 500)
    expect(window.left(1, 500)).toEqual({ limit: 1, remaining: 0, resetMs: 60_000 })
    expect(window.msUntilFits(1, 1, 500)).toBe(60_000)
    expect(window.used(60_499)).toBe(1)
    expect(window.isEmpty(60_499)).toBe(false)
    expect(window.used(60_500)).toBe(0)
    expect(window.isEmpty(60_500)).toBe(true)
    expect(window.left(1, 60_500)).toEqual({ limit: 1, remaining: 1, resetMs: 0 })
  })

  it('says that more than the whole limit never fits', () => {
    expect(new RateWindow().msUntilFits(11, 10, 0)).toBe(Number.POSITIVE_INFINITY)
    expect(new RateWindow().msUntilFits(10, 10, 0)).toBe(0)
  })

  it('takes nothing back of a bucket that was forgotten', () => {
    const window = new RateWindow()
    const bucket = window.add(5, 0)
    window.add(3, 70_000)
    window.takeBack(5, bucket)
    expect(window.used(70_000)).toBe(3)
  })

  it('counts on in the newest bucket when the clock steps back', () => {
    const window = new RateWindow()
    window.add(1, 10_000)
    expect(window.add(1, 5_000)).toBe(10)
    expect(window.used(69_999)).toBe(2)
    expect(window.used(70_000)).toBe(0)
  })

  it('shows no less than nothing where more was used than the limit allows now', () => {
    const window = new RateWindow()
    window.add(5, 0)
    expect(window.left(3, 0)).toEqual({ limit: 3, remaining: 0, resetMs: 60_000 })
  })
})

describe('tighter', () => {
  const left = (remaining: number) => ({ limit: 10, remaining, resetMs: 0 })

  it.each([
    { one: left(1), other: left(2), expected: left(1) },
    { one: left(2), other: left(1), expected: left(1) },
    { one: null, other: left(1), expected: left(1) },
    { one: left(1), other: null, expected: left(1) },
    { one: null, other: null, expected: null },
  ])('names the limit that leaves less', ({ one, other, expected }) => {
    expect(tighter(one, other)).toEqual(expected)
  })
})
