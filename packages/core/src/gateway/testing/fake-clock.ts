import type { Clock } from '../ports.ts'

export const CLOCK_START_MS = Date.parse('2026-03-01T12:00:00Z')

export interface FakeClock extends Clock {
  /** Lets time pass: what is due meanwhile is called in its order, at its time. */
  advance(ms: number): void
  /** Timers that still wait. */
  pending(): number
}

/** Time that passes only when it is told to. */
export function createFakeClock(): FakeClock {
  let elapsedMs = 0
  const timers = new Set<{ dueMs: number; call: () => void }>()

  function nextDue(untilMs: number) {
    return [...timers].filter(({ dueMs }) => dueMs <= untilMs).toSorted((a, b) => a.dueMs - b.dueMs)[0]
  }

  return {
    now: () => CLOCK_START_MS + elapsedMs,
    monotonic: () => elapsedMs,
    after(ms, call) {
      const timer = { dueMs: elapsedMs + ms, call }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms) {
      const untilMs = elapsedMs + ms
      for (let timer = nextDue(untilMs); timer !== undefined; timer = nextDue(untilMs)) {
        timers.delete(timer)
        elapsedMs = Math.max(elapsedMs, timer.dueMs)
        timer.call()
      }
      elapsedMs = untilMs
    },
    pending: () => timers.size,
  }
}

/** Lets everything run that waits for nothing but its turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await null
}
