import type { RateLeft, RateLimits } from './ports.ts'

export const RATE_WINDOW_MS = 60_000
/** Events of the same second share a bucket, so a window never holds more than 61. */
export const RATE_BUCKET_MS = 1_000

interface Bucket {
  /** Which stretch of `RATE_BUCKET_MS` since the clock's zero. */
  index: number
  /** When the last event of the bucket was. */
  lastAt: number
  amount: number
}

/**
 * What one limit per minute has counted within the last 60 s (gateway.md step 3). A bucket counts until 60 s after its last
 * event, hence no stretch of 60 s, wherever it begins, holds more than the window said; what is forgotten late is at most
 * one bucket's length late. `now` and `at` are ms of one clock; where it steps back, the newest bucket takes what comes.
 */
export class RateWindow {
  readonly #buckets: Bucket[] = []
  #total = 0

  /** What counts now. */
  used(now: number): number {
    this.#forget(now)
    return this.#total
  }

  /** Counts `amount` and names the bucket it went to. */
  add(amount: number, now: number): number {
    this.#forget(now)
    this.#total += amount
    const index = Math.floor(now / RATE_BUCKET_MS)
    const newest = this.#buckets.at(-1)
    if (newest !== undefined && newest.index >= index) {
      newest.amount += amount
      newest.lastAt = Math.max(newest.lastAt, now)
      return newest.index
    }
    this.#buckets.push({ index, lastAt: now, amount })
    return index
  }

  /** Counts `amount` of that bucket no longer; what was forgotten by itself is not taken back again. */
  takeBack(amount: number, index: number): void {
    const at = this.#buckets.findLastIndex((bucket) => bucket.index === index)
    const bucket = this.#buckets[at]
    if (bucket === undefined) return
    const taken = Math.min(amount, bucket.amount)
    bucket.amount -= taken
    this.#total -= taken
    if (bucket.amount === 0) this.#buckets.splice(at, 1)
  }

  /** Ms until `amount` more stays within `limit`: 0 = it does now; Infinity = it never will. */
  msUntilFits(amount: number, limit: number, now: number): number {
    let total = this.used(now)
    if (total + amount <= limit) return 0
    for (const bucket of this.#buckets) {
      total -= bucket.amount
      if (total + amount <= limit) return bucket.lastAt + RATE_WINDOW_MS - now
    }
    return Number.POSITIVE_INFINITY
  }

  isEmpty(now: number): boolean {
    this.#forget(now)
    return this.#buckets.length === 0
  }

  left(limit: number, now: number): RateLeft {
    const used = this.used(now)
    const newest = this.#buckets.at(-1)
    const resetMs = newest === undefined ? 0 : newest.lastAt + RATE_WINDOW_MS - now
    return { limit, remaining: Math.max(0, limit - used), resetMs }
  }

  #forget(now: number): void {
    let oldest = this.#buckets[0]
    while (oldest !== undefined && oldest.lastAt + RATE_WINDOW_MS <= now) {
      this.#total -= oldest.amount
      this.#buckets.shift()
      oldest = this.#buckets[0]
    }
  }
}

/** What a caller is told of two limits he is under: the one that leaves him less. */
export function tighter(one: RateLeft | null, other: RateLeft | null): RateLeft | null {
  if (one === null || other === null) return one ?? other
  return other.remaining < one.remaining ? other : one
}

/** Whether anything is limited per minute; where nothing is, nothing needs counting. */
export function isRated(keyRates: RateLimits, groupRates: RateLimits): boolean {
  return (
    keyRates.requestsPerMinute !== null ||
    keyRates.tokensPerMinute !== null ||
    groupRates.requestsPerMinute !== null ||
    groupRates.tokensPerMinute !== null
  )
}
