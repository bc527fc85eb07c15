import { randomBytes } from 'node:crypto'
import { AppError } from '../app-error.ts'
import type { WallClock } from '../wall-clock.ts'
import type { ExportFile } from './export-file.ts'

const TICKET_BYTES = 32
const TICKET_MS = 60_000
const MAX_TICKETS = 1_000

/** What a ticket opens, and to whom it was given. */
export interface ExportOrder {
  userId: number
  file: ExportFile
}

/** Single-use tickets of exports, good for a minute in this process; `too_many_attempts` where too many wait for use. */
export function createExportTickets({ clock }: { clock: WallClock }) {
  const orders = new Map<string, { order: ExportOrder; expiresAtMs: number }>()

  function issue(order: ExportOrder): { ticket: string; expiresAtMs: number } {
    forgetExpired()
    if (orders.size >= MAX_TICKETS) throw new AppError('too_many_attempts')
    const ticket = randomBytes(TICKET_BYTES).toString('base64url')
    const expiresAtMs = clock.now() + TICKET_MS
    orders.set(ticket, { order, expiresAtMs })
    return { ticket, expiresAtMs }
  }

  /** The order, once; null where there is none such any more. */
  function redeem(ticket: string): ExportOrder | null {
    forgetExpired()
    const found = orders.get(ticket)
    orders.delete(ticket)
    return found?.order ?? null
  }

  // They are kept in the order in which they expire.
  function forgetExpired(): void {
    for (const [ticket, { expiresAtMs }] of orders) {
      if (expiresAtMs > clock.now()) return
      orders.delete(ticket)
    }
  }

  return { issue, redeem }
}
