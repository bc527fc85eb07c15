import type { Lease } from '@turnpike/core/gateway/ports'

export interface HeldSlot {
  kind: 'user' | 'account'
  ownerId: number
  requestId: string
  /** Monotonic ms. */
  since: number
}

/** Every slot that is held now, by whom and since when: what the auditor compares with the requests that live. */
export class LeaseBook {
  readonly #held = new Map<Lease, HeldSlot>()

  /** `giveBack` runs once, however often the lease is released. */
  lend(slot: HeldSlot, giveBack: () => void): Lease {
    const lease = new BookedLease(this, giveBack)
    this.enter(lease, slot)
    return lease
  }

  /** For a lease that looks after itself: it gives back what it holds when `strike` says that it was the first to ask. */
  enter(lease: Lease, slot: HeldSlot): void {
    this.#held.set(lease, slot)
  }

  strike(lease: Lease): boolean {
    return this.#held.delete(lease)
  }

  get size(): number {
    return this.#held.size
  }

  entries(): IterableIterator<[Lease, HeldSlot]> {
    return this.#held.entries()
  }
}

class BookedLease implements Lease {
  readonly #book: LeaseBook
  readonly #giveBack: () => void

  constructor(book: LeaseBook, giveBack: () => void) {
    this.#book = book
    this.#giveBack = giveBack
  }

  release(): void {
    if (this.#book.strike(this)) this.#giveBack()
  }
}
