import { createHash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { WallClock } from '../../shared/wall-clock.ts'

const LIFETIME_MS = 30_000
const MAX_OPEN = 10_000

export type Tickets = ReturnType<typeof createTickets>

/** Single-use tickets that open a socket in the name of a session; kept as hashes, at most MAX_OPEN of them. */
export function createTickets({ clock }: { clock: WallClock }) {
  const open = new LRUCache<string, { sessionId: number; expiresAtMs: number }>({ max: MAX_OPEN })

  function issue(sessionId: number): { ticket: string; expiresAt: string } {
    const ticket = `tpt_${randomBytes(32).toString('base64url')}`
    const expiresAtMs = clock.now() + LIFETIME_MS
    open.set(hashOf(ticket), { sessionId, expiresAtMs })
    return { ticket, expiresAt: new Date(expiresAtMs).toISOString() }
  }

  /** The session the ticket speaks for; null where it is unknown, used or too old. */
  function redeem(ticket: string): number | null {
    const key = hashOf(ticket)
    const entry = open.get(key)
    open.delete(key)
    return entry && entry.expiresAtMs > clock.now() ? entry.sessionId : null
  }

  return { issue, redeem }
}

function hashOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('base64url')
}
