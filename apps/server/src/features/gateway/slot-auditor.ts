import type { Log } from '../../shared/logger.ts'
import type { LiveRequests } from './live-requests.ts'
import type { LeaseBook } from './slots/lease-book.ts'

export const AUDIT_EVERY_MS = 10_000

/**
 * Compares the slots that are held with the requests that live; one whose request is gone is a leak of ours: it is
 * reported, counted and given back. There is none unless the code is wrong.
 */
export function createSlotAuditor({ book, live, log }: { book: LeaseBook; live: LiveRequests; log: Log }) {
  let leaks = 0

  function audit(): void {
    const living = new Set(live.all().map(({ requestId }) => requestId))
    for (const lease of book.leases()) {
      const { kind, ownerId, requestId } = lease.slot
      if (living.has(requestId)) continue
      leaks++
      log.error({ kind, ownerId, requestId }, 'slot_leak: a slot outlived its request')
      lease.release()
    }
  }

  return { audit, leaks: () => leaks }
}
