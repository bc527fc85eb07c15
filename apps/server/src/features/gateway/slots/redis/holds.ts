import type { Admission, Candidate, RatesLeft } from '@turnpike/core/gateway/ports'
import type { BookedLease, HeldSlot, LeaseBook } from '../lease-book.ts'
import type { Loads } from './loads.ts'
import type { Membership } from './membership.ts'
import type { Ask, Owner, Sides } from './side.ts'

/** A request that was counted in its rates. */
export interface Count {
  rates: RatesLeft | null
  settleTokens(tokens: number): void
  withdraw(): void
}

/** Then Redis counts as lost, and this instance comes back as somebody else. */
const RELEASE_TRIES = 3

interface HoldsOptions {
  book: LeaseBook<Hold>
  sides: Sides
  loads: Loads
  membership: Membership
  isShared(): boolean
  onLost(error: unknown): void
  monotonic: () => number
}

/** Everything this instance holds, in Redis or, while that is away, by itself. */
export function createHolds({ book, sides, loads, membership, isShared, onLost, monotonic }: HoldsOptions) {
  /** Enters a slot that was granted just now. */
  function hold(ask: Ask, candidate: Candidate | null): Hold {
    const { owner, requestId } = ask
    const taken = new Hold(ask, candidate, { kind: owner.kind, ownerId: owner.id, requestId, since: monotonic() }, free)
    book.enter(taken)
    if (!isShared()) return taken
    taken.registeredAs = membership.me()
    if (candidate !== null) loads.change(candidate.accountId, candidate.live, 'held', 1)
    return taken
  }

  function free(taken: Hold): void {
    if (!book.strike(taken)) return
    const { candidate } = taken
    if (taken.endLocal()) return
    if (candidate !== null) loads.change(candidate.accountId, candidate.live, 'held', -1)
    // Under another name than today's it does not count any more.
    if (taken.registeredAs !== membership.me()) return
    giveBack(taken).catch(onLost)
  }

  /** Said twice it counts once, so it is said again where no answer came in time. */
  async function giveBack({ ask, candidate, registeredAs, registering }: Hold): Promise<void> {
    // A release that overtakes the registration frees nothing, and what is registered after it nobody releases.
    if (registering !== null) await registering
    for (let tries = 1; ; tries++) {
      try {
        const load = await sides.release(ask)
        if (candidate !== null && isShared()) loads.learn(candidate.accountId, load)
        return
      } catch (error) {
        if (registeredAs !== membership.me()) return
        if (tries === RELEASE_TRIES) throw error
      }
    }
  }

  /** Redis is back and has forgotten this instance: one command for each owner of something that is held. */
  function registerAll(): Promise<void>[] {
    const owners = new Map<string, { owner: Owner; held: Hold[] }>()
    for (const taken of book.leases()) {
      const { owner } = taken.ask
      const name = `${owner.kind}:${owner.id}`
      const entry = owners.get(name) ?? { owner, held: [] }
      entry.held.push(taken)
      owners.set(name, entry)
      taken.endLocal()
      taken.registeredAs = membership.me()
      const { candidate } = taken
      if (candidate !== null) loads.change(candidate.accountId, candidate.live, 'held', 1)
    }
    return [...owners.values()].map(({ owner, held }) => {
      const registered = sides.register(
        owner,
        held.map(({ ask }) => ask),
      )
      for (const taken of held) taken.registering = registered
      return registered
    })
  }

  return { hold, registerAll }
}

/** One slot that is held: a class, because every request makes two. */
export class Hold implements Admission, BookedLease {
  place = -1
  hasQueued = false
  readonly ask: Ask
  readonly candidate: Candidate | null
  readonly slot: HeldSlot
  /** As whom this instance holds it in Redis; null = Redis does not know of it. */
  registeredAs: string | null = null
  /** Redis is being told, or was told, of what was held already when it came back. */
  registering: Promise<void> | null = null
  readonly #free: (hold: Hold) => void
  #localRelease: (() => void) | null = null
  #count: Count | null = null

  constructor(ask: Ask, candidate: Candidate | null, slot: HeldSlot, free: (hold: Hold) => void) {
    this.ask = ask
    this.candidate = candidate
    this.slot = slot
    this.#free = free
  }

  get rates(): RatesLeft | null {
    return this.#count === null ? null : this.#count.rates
  }

  count(counted: Count | null): this {
    this.#count = counted
    return this
  }

  settleTokens(tokens: number): void {
    this.#count?.settleTokens(tokens)
  }

  withdraw(): void {
    this.#count?.withdraw()
  }

  /** It counts in this process from now on. */
  keepLocally(release: () => void): void {
    this.registeredAs = null
    this.#localRelease = release
  }

  /** It counts in this process no longer; false = it did not. */
  endLocal(): boolean {
    const release = this.#localRelease
    this.#localRelease = null
    release?.()
    return release !== null
  }

  release(): void {
    this.#free(this)
  }
}
