import { LRUCache } from 'lru-cache'

export const UNKNOWN_KEYS_PER_WINDOW = 120
export const UNKNOWN_KEY_WINDOW_MS = 60_000
/** Addresses that are watched at once; the least recently seen ones are forgotten. */
const MAX_ADDRESSES = 10_000

interface Watch {
  windowStart: number
  count: number
  blockedUntil: number
}

/** After 120 unknown keys in 60 s from one address, its further unknown keys are refused without a look-up for 60 s. */
export function createUnknownKeyLimit({ monotonic }: { monotonic: () => number }) {
  const addresses = new LRUCache<string, Watch>({ max: MAX_ADDRESSES })

  function blockedMs(address: string): number {
    return Math.max(0, (addresses.get(address)?.blockedUntil ?? 0) - monotonic())
  }

  function count(address: string): void {
    const at = monotonic()
    let watch = addresses.get(address)
    if (watch === undefined || at - watch.windowStart >= UNKNOWN_KEY_WINDOW_MS) {
      watch = { windowStart: at, count: 0, blockedUntil: watch?.blockedUntil ?? 0 }
      addresses.set(address, watch)
    }
    watch.count++
    if (watch.count >= UNKNOWN_KEYS_PER_WINDOW) watch.blockedUntil = at + UNKNOWN_KEY_WINDOW_MS
  }

  return { blockedMs, count }
}
