/** A lease of ours as this process knows it; the database's row is the truth when it is given back. Nano-dollars. */
export interface Credit {
  /** Made by us, so that a lease whose making was not confirmed has a name all the same. */
  readonly id: string
  /** What the lease has; less than the database's row only after a bill that went beyond it. */
  amount: number
  /** Estimates of requests that run. */
  reserved: number
  /** Billed, and not yet known to be in the ledger. */
  pending: number
  /** The database has it, or may have it. */
  isStored: boolean
  /** Nothing more is taken from it; what is left goes back when its last request is settled. */
  isRetired: boolean
  /** Monotonic ms at which it was last good for its whole length. */
  confirmedAt: number
}

export function newCredit(id: string, now: number): Credit {
  return { id, amount: 0, reserved: 0, pending: 0, isStored: false, isRetired: false, confirmedAt: now }
}

export function freeOf({ amount, reserved, pending }: Credit): number {
  return amount - reserved - pending
}

/** Nobody will take anything from it any more, or give anything back. */
export function isIdle({ reserved, pending }: Credit): boolean {
  return reserved === 0 && pending === 0
}

/** The ledger has a bill: it came out of the lease as far as that went. */
export function book(credit: Credit, billedNano: number): void {
  credit.pending -= billedNano
  credit.amount -= billedNano
  if (credit.amount >= 0) return
  // The rest was booked on the purse itself; which of several came first only the database knows.
  credit.amount = 0
  credit.isRetired = true
}
