import { describe, expect, it } from 'vitest'
import { nextAttemptAt } from './retry-schedule.ts'

const FAILED = { attempts: 1, sinceMs: 0, nowMs: 0, retryAfterMs: null, random: 0.5 }
const DAY = 86_400_000

describe('nextAttemptAt', () => {
  it.each([
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [4, 30_000],
    [5, 120_000],
    [6, 600_000],
    [7, 1_800_000],
    [8, 3_600_000],
    [9, 3_600_000],
    [30, 3_600_000],
  ])('waits after failure %i for %i ms', (attempts, delay) => {
    expect(nextAttemptAt({ ...FAILED, attempts })).toBe(delay)
  })

  it.each([
    [0, 24_000],
    [1, 36_000],
  ])('is a fifth earlier or later by chance: %d', (random, delay) => {
    expect(nextAttemptAt({ ...FAILED, attempts: 4, random })).toBe(delay)
  })

  it('waits as long as it is asked to, never shorter than its own time', () => {
    expect(nextAttemptAt({ ...FAILED, nowMs: 10, retryAfterMs: 7_000 })).toBe(7_010)
    expect(nextAttemptAt({ ...FAILED, attempts: 4, retryAfterMs: 7_000 })).toBe(30_000)
  })

  it('makes the last try at the end of the day, whatever it is asked for, and none after it', () => {
    expect(nextAttemptAt({ ...FAILED, attempts: 9, nowMs: DAY - 1 })).toBe(DAY)
    expect(nextAttemptAt({ ...FAILED, nowMs: 5, retryAfterMs: 7 * DAY })).toBe(DAY)
    expect(nextAttemptAt({ ...FAILED, nowMs: DAY })).toBeNull()
  })

  it('tries about thirty times in a day', () => {
    let nowMs: number | null = 0
    let attempts = 0
    for (; nowMs !== null; nowMs = nextAttemptAt({ ...FAILED, attempts, nowMs })) attempts += 1
    expect(attempts).toBe(32)
  })
})
