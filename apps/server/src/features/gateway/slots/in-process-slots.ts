import type { AdmitRequest, Candidate, Lease, Slots } from '@turnpike/core/gateway/ports'
import { createAccountSlots } from './account-slots.ts'
import { LeaseBook } from './lease-book.ts'
import { createRates } from './rates.ts'
import { type AdmissionLook, createUserSlots, type Occupied, type SlotAsk } from './user-slots.ts'

/** Slots as the gateway assembles and watches them. */
export interface GatewaySlots extends Slots {
  /** What would become of the request now; nothing is taken, counted or queued for. */
  look(request: AdmitRequest): AdmissionLook | Promise<AdmissionLook>
  /** The candidates with their loads as exactly as they can be known now. */
  withLoads(candidates: readonly Candidate[]): readonly Candidate[] | Promise<Candidate[]>
  /** Requests that queue now, for whatever slot. */
  waiters(): number
  /** Forgets what idle keys and groups have counted. */
  sweep(): void
  /** Limits per minute that count something, or did until the last sweep. */
  rateWindows(): number
  book: LeaseBook
}

export interface InProcessSlots extends GatewaySlots {
  admit(request: SlotAsk): ReturnType<Slots['admit']>
  look(request: SlotAsk): AdmissionLook
  takeAccount(candidate: Candidate, requestId: string): Lease | null
  /** Slots that are held already, whatever the limits say; they return how to give them back. */
  occupyUser(occupied: Occupied): () => void
  occupyAccount(candidate: Candidate): () => void
}

/** Coordination of a single instance: plain structures, nothing expires, every decision is made in one turn of the loop. */
export function createInProcessSlots({ monotonic }: { monotonic: () => number }): InProcessSlots {
  const book = new LeaseBook()
  const rates = createRates({ monotonic })
  const users = createUserSlots({ book, rates, monotonic })
  const accounts = createAccountSlots({ book, monotonic })
  return {
    admit: users.admit,
    look: users.look,
    withLoads: (candidates) => candidates,
    ratesLeft: rates.left,
    takeAccount: accounts.take,
    waitForAccount: accounts.wait,
    occupyUser: users.occupy,
    occupyAccount: accounts.occupy,
    waiters: () => users.waiters() + accounts.waiters(),
    sweep: rates.sweep,
    rateWindows: rates.windowCount,
    book,
  }
}
