import type { Lease } from '@turnpike/core/gateway/ports'
import { type Member, Roster } from '../../../shared/roster.ts'

export interface HeldSlot {
  kind: 'user' | 'account'
  ownerId: number
  requestId: string
  /** Monotonic ms. */
  since: number
}

/** A lease that looks after itself: it gives back what it holds when `strike` says that it was the first to ask. */
export interface BookedLease extends Lease, Member {
  readonly slot: HeldSlot
}

/** Every slot that is held now, by whom and since when: what the auditor compares with the requests that live. */
export class LeaseBook<L extends BookedLease = BookedLease> {
  readonly #held = new Roster<L>()

  enter(lease: L): void {
    this.#held.add(lease)
  }

  strike(lease: L): boolean {
    return this.#held.remove(lease)
  }

  get size(): number {
    return this.#held.size
  }

  leases(): L[] {
    return this.#held.all()
  }
}

/** `giveBack` runs once, however often the lease is released. */
export function lend(book: LeaseBook, slot: HeldSlot, giveBack: () => void): Lease {
  const lease = new LentSlot(book, slot, giveBack)
  book.enter(lease)
  return lease
}

class LentSlot implements BookedLease {
  place = -1
  readonly slot: HeldSlot
  readonly #book: LeaseBook
  readonly #giveBack: () => void

  constructor(book: LeaseBook, slot: HeldSlot, giveBack: () => void) {
    this.#book = book
    this.slot = slot
    this.#giveBack = giveBack
  }

  release(): void {
    if (this.#book.strike(this)) this.#giveBack()
  }
}
