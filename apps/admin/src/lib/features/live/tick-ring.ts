import type { LiveTick } from './live-tick.ts'

/** How far back the live chart looks. */
export const WINDOW_SECONDS = 15 * 60

/** Columns of one chart: epoch seconds, and a value or a gap for each. */
export type Columns = [seconds: number[], ...values: (number | null)[][]]

/**
 * The last ticks by second, in a fixed number of places: memory stays flat however long the page is open. A tick that
 * comes twice (a replay) takes its old place; one older than the window is dropped.
 */
export function createTickRing(capacity: number = WINDOW_SECONDS) {
  const seconds = new Float64Array(capacity).fill(-1)
  const ticks: (LiveTick | null)[] = new Array<LiveTick | null>(capacity).fill(null)
  let newest = -1

  function push(second: number, tick: LiveTick): void {
    // A server whose clock was set far back begins anew; what is left of its future would never be overwritten.
    if (second <= newest - capacity) clear()
    const place = second % capacity
    seconds[place] = second
    ticks[place] = tick
    newest = Math.max(newest, second)
  }

  function clear(): void {
    seconds.fill(-1)
    ticks.fill(null)
    newest = -1
  }

  /** One row for every second of the window up to the newest tick; a second nothing is known of is a gap. */
  function columns(...pick: ((tick: LiveTick) => number | null)[]): Columns {
    const xs: number[] = []
    const values = pick.map((): (number | null)[] => [])
    if (newest < 0) return [xs, ...values]
    for (let second = newest - capacity + 1; second <= newest; second++) {
      const tick = at(second)
      xs.push(second)
      for (const [index, read] of pick.entries()) values[index]?.push(tick && read(tick))
    }
    return [xs, ...values]
  }

  function at(second: number): LiveTick | null {
    if (second < 0) return null
    const place = second % capacity
    return seconds[place] === second ? (ticks[place] ?? null) : null
  }

  return {
    push,
    clear,
    columns,
    at,
    get newestSecond() {
      return newest < 0 ? null : newest
    },
  }
}
