import { GatewayError, type GatewayErrorCode } from '@turnpike/core/gateway/errors'
import type { LeaseGrant } from '@turnpike/db'
import { within } from '../../../shared/deadline.ts'
import { type Credit, freeOf, isIdle, newCredit } from './credit.ts'

/** A lease statement that takes longer is given up: its lease is returned under its own name, or expires. */
export const LEASE_TIMEOUT_MS = 1_000
/** Requests that wait for credit of one purse. */
export const MAX_WAITING = 10_000
/** Requests that one statement serves. */
const MAX_STEP = 2_000

export interface Want {
  nano: number
  /** Content with what is left where that is less: it states no maximum. One at a time. */
  isModest: boolean
}

/** Credit that one request holds. */
export interface Hold {
  credit: Credit
  /** Gives the estimate back; what was billed stays taken until the ledger has it. Counts once. */
  settle(billedNano: number): void
}

export interface Purse {
  /** Synchronous where credit is leased already; rejects with the purse's refusal or balance_unavailable. */
  take(want: Want): Hold | Promise<Hold>
  /** What `take` would do now, with nothing taken. Rejects with the purse's refusal or balance_unavailable. */
  look(want: Want): Promise<Hold>
  /** Nothing more is taken from what is leased now: what it rests on may have changed. */
  retire(): void
  /** Monotonic ms of the last request. */
  usedAt(): number
  current(): Credit | null
  /** Nobody waits, and what was leased is given up. */
  isEmpty(): boolean
}

export interface PurseStep {
  credit: Credit
  heldNano: number
  wants: readonly Want[]
}

interface PurseOptions {
  lease(step: PurseStep): Promise<LeaseGrant | null>
  /** The same statement with nothing kept of what it did. */
  tryLease(step: PurseStep): Promise<LeaseGrant | null>
  /** What a request is refused with; `tightest` as in LeaseGrant. */
  refusal(grant: LeaseGrant): GatewayErrorCode
  newId(): string
  monotonic(): number
  /** Whether a lease confirmed at that moment is still ours. */
  isGood(credit: Credit): boolean
  /** Hears of every lease before it is asked for. */
  onLease(credit: Credit): void
  onFailure(error: unknown): void
}

interface Waiter extends Want {
  resolve(hold: Hold): void
  reject(error: GatewayError): void
}

/** What this instance may spend of one balance, subscription or key: leased in chunks, lent to requests in memory. */
export function createPurse({
  lease,
  tryLease,
  refusal,
  newId,
  monotonic,
  isGood,
  onLease,
  onFailure,
}: PurseOptions): Purse {
  let credit: Credit | null = null
  let waiting: Waiter[] = []
  let isLeasing = false
  let hasModest = false
  let usedAt = monotonic()

  function take(want: Want): Hold | Promise<Hold> {
    usedAt = monotonic()
    if (!isLeasing && credit !== null && isUsable(credit) && want.nano <= freeOf(credit)) {
      return hold(credit, want.nano, false)
    }
    if (waiting.length >= MAX_WAITING) return Promise.reject(new GatewayError('balance_unavailable'))
    return new Promise((resolve, reject) => {
      waiting.push({ ...want, resolve, reject })
      if (!isLeasing) void serve()
    })
  }

  async function look(want: Want): Promise<Hold> {
    const held = credit !== null && isUsable(credit) ? credit : null
    if (held !== null && want.nano <= freeOf(held)) return { credit: held, settle: () => {} }
    // A lease that should grow and is gone is asked for anew.
    const grant = (held === null ? null : await rehearse(held, want)) ?? (await rehearse(fresh(), want))
    if (grant?.granted[0] === null) throw new GatewayError(refusal(grant))
    return { credit: held ?? fresh(), settle: () => {} }
  }

  function rehearse(held: Credit, { nano, isModest }: Want): Promise<LeaseGrant | null> {
    const wants = [{ nano, isModest: isModest && !hasModest }]
    const step = { credit: held, heldNano: Math.max(0, freeOf(held)), wants }
    return within(LEASE_TIMEOUT_MS, tryLease(step)).catch((cause: unknown) => {
      throw new GatewayError('balance_unavailable', { cause })
    })
  }

  function fresh(): Credit {
    return newCredit(newId(), monotonic())
  }

  function isUsable(held: Credit): boolean {
    if (!held.isRetired && !isGood(held)) held.isRetired = true
    return !held.isRetired
  }

  /** First come first served, a statement for all who have come meanwhile. */
  async function serve(): Promise<void> {
    isLeasing = true
    while (waiting.length > 0) {
      const served = waiting.slice(0, MAX_STEP)
      waiting = waiting.slice(MAX_STEP)
      const isDone = await step(served)
      if (!isDone) waiting = [...served, ...waiting]
    }
    isLeasing = false
  }

  /** False = the lease that should grow is gone: once more, with a new one. */
  async function step(served: Waiter[]): Promise<boolean> {
    const held = usableCredit()
    try {
      const wants = served.map(({ nano, isModest }) => ({ nano, isModest: isModest && !hasModest }))
      const grant = await within(LEASE_TIMEOUT_MS, lease({ credit: held, heldNano: Math.max(0, freeOf(held)), wants }))
      if (grant === null && held.isStored) held.isRetired = true
      if (grant === null) return false
      grow(held, grant)
      for (const [index, waiter] of served.entries()) answer(waiter, held, grant, grant.granted[index] ?? null)
      return true
    } catch (cause) {
      onFailure(cause)
      // Perhaps it was done all the same.
      held.isStored = true
      held.isRetired = true
      const behind = waiting
      waiting = []
      // They would wait for the same database.
      for (const { reject } of [...served, ...behind]) reject(new GatewayError('balance_unavailable', { cause }))
      return true
    }
  }

  function usableCredit(): Credit {
    if (credit !== null && isUsable(credit)) return credit
    credit = newCredit(newId(), monotonic())
    onLease(credit)
    return credit
  }

  function grow(held: Credit, grant: LeaseGrant): void {
    held.amount += grant.leasedNano
    held.confirmedAt = monotonic()
    if (grant.granted.some((nano) => nano !== null)) held.isStored = true
  }

  function answer(waiter: Waiter, held: Credit, grant: LeaseGrant, granted: number | null): void {
    if (granted === null) return waiter.reject(new GatewayError(refusal(grant)))
    waiter.resolve(hold(held, granted, granted < waiter.nano))
  }

  function hold(from: Credit, nano: number, isModest: boolean): Hold {
    from.reserved += nano
    if (isModest) hasModest = true
    let isSettled = false
    return {
      credit: from,
      settle(billedNano) {
        if (isSettled) return
        isSettled = true
        from.reserved -= nano
        from.pending += billedNano
        if (isModest) hasModest = false
      },
    }
  }

  return {
    take,
    look,
    retire() {
      if (credit !== null) credit.isRetired = true
    },
    usedAt: () => usedAt,
    current: () => credit,
    isEmpty: () =>
      !isLeasing && waiting.length === 0 && !hasModest && (credit === null || (credit.isRetired && isIdle(credit))),
  }
}
