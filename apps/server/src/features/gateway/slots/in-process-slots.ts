import type { Slots } from '@turnpike/core/gateway/ports'
import { createAccountSlots } from './account-slots.ts'
import { LeaseBook } from './lease-book.ts'
import { createUserSlots } from './user-slots.ts'

export interface InProcessSlots extends Slots {
  /** Requests that queue now, for whatever slot. */
  waiters(): number
  book: LeaseBook
}

/** Coordination of a single instance: plain structures, nothing expires, every decision is made in one turn of the loop. */
export function createInProcessSlots({ monotonic }: { monotonic: () => number }): InProcessSlots {
  const book = new LeaseBook()
  const users = createUserSlots({ book, monotonic })
  const accounts = createAccountSlots({ book, monotonic })
  return {
    admit: users.admit,
    takeAccount: accounts.take,
    waitForAccount: accounts.wait,
    waiters: () => users.waiters() + accounts.waiters(),
    book,
  }
}
