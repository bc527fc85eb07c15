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
  readonly #held = new Map<BookedLease, HeldSlot>()

  /** `giveBack` runs once, however often the lease is released. */
  lend(slot: HeldSlot, giveBack: () => void): Lease {
    const lease = new BookedLease(this.#held, giveBack)
    this.#held.set(lease, slot)
    return lease
  }

  get size(): number {
    return this.#held.size
  }

  entries(): IterableIterator<[Lease, HeldSlot]> {
    return this.#held.entries()
  }
}

class BookedLease implements Lease {
  readonly #held: Map<BookedLease, HeldSlot>
  readonly #giveBack: () => void

  constructor(held: Map<BookedLease, HeldSlot>, giveBack: () => void) {
    this.#held = held
    this.#giveBack = giveBack
  }

  release(): void {
    if (this.#held.delete(this)) this.#giveBack()
  }
}
