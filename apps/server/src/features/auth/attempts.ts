import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import type { WallClock } from '../../shared/wall-clock.ts'

const MAX_ATTEMPTS = 5
const WINDOW_MS = 15 * 60_000
const MAX_REMEMBERED = 20_000

export type Attempts = ReturnType<typeof createAttempts>

/**
 * Counts tries per account and address: from anywhere else the rightful owner still gets in.
 * At most MAX_REMEMBERED pairs are kept, the ones longest untouched go first.
 */
export function createAttempts({ clock }: { clock: WallClock }) {
  const tries = new LRUCache<string, { count: number; sinceMs: number }>({ max: MAX_REMEMBERED })

  /** Counts one try, before it is known how it ends; false = one too many. */
  function take(account: string, address: string): boolean {
    const key = keyOf(account, address)
    const nowMs = clock.now()
    const seen = tries.get(key)
    if (!seen || nowMs - seen.sinceMs >= WINDOW_MS || nowMs < seen.sinceMs) {
      tries.set(key, { count: 1, sinceMs: nowMs })
      return true
    }
    if (seen.count >= MAX_ATTEMPTS) return false
    seen.count += 1
    return true
  }

  /** The right password was given: the tries before it were typing errors. */
  function forget(account: string, address: string): void {
    tries.delete(keyOf(account, address))
  }

  return { take, forget }
}

function keyOf(account: string, address: string): string {
  return `${networkOf(address)} ${account}`
}

// One household or one server owns a whole IPv6 /64.
function networkOf(address: string): string {
  if (!ipaddr.IPv6.isValid(address)) return address
  return ipaddr.IPv6.parse(address).parts.slice(0, 4).join(':')
}
