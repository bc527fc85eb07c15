import type { Slots } from '@turnpike/core/gateway/ports'
import { createAccountSlots } from './account-slots.ts'
import { LeaseBook } from './lease-book.ts'
import { createRates } from './rates.ts'
import { createUserSlots } from './user-slots.ts'

export interface InProcessSlots extends Slots {
  /** Requests that queue now, for whatever slot. */
  waiters(): number
  /** Forgets what idle keys and groups have counted. */
  sweep(): void
  /** Limits per minute that count something, or did until the last sweep. */
  rateWindows(): number
  book: LeaseBook
}

/** Coordination of a single instance: plain structures, nothing expires, every decision is made in one turn of the loop. */
export function createInProcessSlots({ monotonic }: { monotonic: () => number }): InProcessSlots {
  const book = new LeaseBook()
  const rates = createRates({ monotonic })
  const users = createUserSlots({ book, rates, monotonic })
  const accounts = createAccountSlots({ book, monotonic })
  return {
    admit: users.admit,
    ratesLeft: rates.left,
    takeAccount: accounts.take,
    waitForAccount: accounts.wait,
    waiters: () => users.waiters() + accounts.waiters(),
    sweep: rates.sweep,
    rateWindows: rates.windowCount,
    book,
  }
}
