import { GatewayError } from '@turnpike/core/gateway/errors'
import type { Admission, AdmitRequest, RatesLeft } from '@turnpike/core/gateway/ports'
import type { BookedLease, HeldSlot, LeaseBook } from './lease-book.ts'
import { WaiterQueue } from './queue.ts'
import type { RateCount, Rates } from './rates.ts'

/** A user may have max(concurrency, 1) + this many waiters. */
export const WAITING_ROOM_EXTRA = 20
export const USER_WAIT_MS = 30_000

/** Places in the waiting room of a user. */
export function waitingPlaces({ userConcurrency }: Pick<AdmitRequest, 'userConcurrency'>): number {
  return Math.max(userConcurrency, 1) + WAITING_ROOM_EXTRA
}

/** Asks for a user and a key slot; `places` = how many may wait, where that does not follow from the limit asked with. */
export interface SlotAsk extends AdmitRequest {
  places?: number
}

interface KeyState {
  inFlight: number
  limit: number
}

interface UserState {
  id: number
  inFlight: number
  limit: number
  keys: Map<number, KeyState>
  queue: WaiterQueue<UserSlot>
}

/** Who holds a slot, and the limits he has. */
export interface Occupied {
  userId: number
  limit: number
  keyId: number
  keyLimit: number
}

type SlotRefusal = 'queue_full' | 'user_concurrency_limit' | 'key_concurrency_limit'

/** What would become of a request that asked to be admitted now. */
export interface AdmissionLook {
  /** What is left of the tightest rates, without this request; null = none is set. */
  rates: RatesLeft | null
  user: { inFlight: number; waiting: number }
  keyInFlight: number
  /** What it would be refused with at once; null = it would not. */
  refusal: GatewayError | null
  /** It would queue, and be refused with this if no slot came free in time; null = it would not queue. */
  waitsFor: SlotRefusal | null
}

interface UserSlotsOptions {
  book: LeaseBook
  rates: Rates
  monotonic: () => number
}

/**
 * Rates, then user and key slots of one instance (gateway.md steps 3 to 5). First come first served among the waiters that could run:
 * one blocked only by its key does not hold back the user's other keys. Who is served is decided at the release, so a free
 * slot and a waiter that could take it never exist together.
 */
export function createUserSlots({ book, rates, monotonic }: UserSlotsOptions) {
  const users = new Map<number, UserState>()

  function stateOf({ userId, userConcurrency, keyId, keyConcurrency }: AdmitRequest): UserState {
    let user = users.get(userId)
    if (user === undefined) {
      user = { id: userId, inFlight: 0, limit: userConcurrency, keys: new Map(), queue: new WaiterQueue<UserSlot>() }
      users.set(userId, user)
    }
    user.limit = userConcurrency
    const key = user.keys.get(keyId)
    if (key === undefined) user.keys.set(keyId, { inFlight: 0, limit: keyConcurrency })
    else key.limit = keyConcurrency
    // Limits may have been widened since somebody began to wait: he goes before the newcomer.
    if (user.queue.length > 0) serve(user)
    return user
  }

  function hasRoom(user: UserState, keyId: number): boolean {
    return isUnder(user.inFlight, user.limit) && keyHasRoom(user, keyId)
  }

  function keyHasRoom(user: UserState, keyId: number): boolean {
    const key = user.keys.get(keyId)
    return key === undefined || isUnder(key.inFlight, key.limit)
  }

  function lend(user: UserState, keyId: number, requestId: string): UserSlot {
    const key = user.keys.get(keyId) ?? { inFlight: 0, limit: 0 }
    user.keys.set(keyId, key)
    user.inFlight++
    key.inFlight++
    const slot: HeldSlot = { kind: 'user', ownerId: user.id, requestId, since: monotonic() }
    const lent = new UserSlot(slot, { book, user, key, onFree })
    book.enter(lent)
    return lent
  }

  function onFree(user: UserState): void {
    serve(user)
    forget(user)
  }

  function serve(user: UserState): void {
    for (const waiter of [...user.queue]) {
      if (!isUnder(user.inFlight, user.limit)) break
      const keyId = waiter.keyId ?? 0
      if (!keyHasRoom(user, keyId)) continue
      const slot = lend(user, keyId, waiter.requestId)
      slot.hasQueued = true
      waiter.wake(slot)
    }
  }

  /** Idle users cost no memory. */
  function forget(user: UserState): void {
    for (const [keyId, { inFlight }] of user.keys) {
      if (inFlight === 0 && user.queue.length === 0) user.keys.delete(keyId)
    }
    if (user.inFlight === 0 && user.queue.length === 0) users.delete(user.id)
  }

  /** Who is refused, and who leaves the queue without a slot, was not counted. */
  function admit(request: SlotAsk): Admission | Promise<Admission> {
    const counted = rates.count(request)
    if (counted === null) return takeSlot(request)
    try {
      const slot = takeSlot(request)
      return slot instanceof Promise ? countedSlot(slot, counted) : slot.count(counted)
    } catch (error) {
      counted.withdraw()
      throw error
    }
  }

  function takeSlot(request: SlotAsk): UserSlot | Promise<UserSlot> {
    const { keyId, requestId, client } = request
    const user = stateOf(request)
    if (hasRoom(user, keyId)) return lend(user, keyId, requestId)
    const refused = refusedAtOnce(user, request)
    if (refused !== null) throw new GatewayError(refused)
    const refusal = () => new GatewayError(limitInTheWay(user, keyId))
    return user.queue.wait({ requestId, keyId, waitMs: USER_WAIT_MS, client, now: monotonic(), onTimeout: refusal })
  }

  function limitInTheWay(user: UserState, keyId: number): SlotRefusal {
    return keyHasRoom(user, keyId) ? 'user_concurrency_limit' : 'key_concurrency_limit'
  }

  /** What stands in the way of waiting for a slot; null = nothing. */
  function refusedAtOnce(user: UserState, ask: SlotAsk): SlotRefusal | null {
    if (ask.onBusy === 'fail') return limitInTheWay(user, ask.keyId)
    return user.queue.length >= (ask.places ?? waitingPlaces(ask)) ? 'queue_full' : null
  }

  /** What would become of the request now; takes and counts nothing. */
  function look(request: SlotAsk): AdmissionLook {
    const { userId, userConcurrency, keyId, keyConcurrency } = request
    const found = users.get(userId)
    const key = { inFlight: found?.keys.get(keyId)?.inFlight ?? 0, limit: keyConcurrency }
    const user: UserState = {
      id: userId,
      inFlight: found?.inFlight ?? 0,
      limit: userConcurrency,
      keys: new Map(found?.keys).set(keyId, key),
      queue: found?.queue ?? new WaiterQueue<UserSlot>(),
    }
    const seen = {
      rates: rates.left(request),
      user: { inFlight: user.inFlight, waiting: user.queue.length },
      keyInFlight: key.inFlight,
    }
    const rated = rates.refusal(request)
    if (rated !== null) return { ...seen, refusal: rated, waitsFor: null }
    if (hasRoom(user, keyId)) return { ...seen, refusal: null, waitsFor: null }
    const refused = refusedAtOnce(user, request)
    if (refused !== null) return { ...seen, refusal: new GatewayError(refused), waitsFor: null }
    return { ...seen, refusal: null, waitsFor: limitInTheWay(user, keyId) }
  }

  /** A slot that is held already, whatever the limits say; returns how to give it back. */
  function occupy({ userId, limit, keyId, keyLimit }: Occupied): () => void {
    const user = users.get(userId) ?? {
      id: userId,
      inFlight: 0,
      limit,
      keys: new Map(),
      queue: new WaiterQueue<UserSlot>(),
    }
    users.set(userId, user)
    const key = user.keys.get(keyId) ?? { inFlight: 0, limit: keyLimit }
    user.keys.set(keyId, key)
    user.inFlight++
    key.inFlight++
    return () => {
      user.inFlight--
      key.inFlight--
      onFree(user)
    }
  }

  function waiters(): number {
    let total = 0
    for (const { queue } of users.values()) total += queue.length
    return total
  }

  return { admit, look, occupy, waiters }
}

async function countedSlot(waiting: Promise<UserSlot>, counted: RateCount): Promise<Admission> {
  try {
    return (await waiting).count(counted)
  } catch (error) {
    counted.withdraw()
    throw error
  }
}

interface UserSlotHome {
  book: LeaseBook
  user: UserState
  key: KeyState
  onFree: (user: UserState) => void
}

/** A class, because every request makes one: its functions are made once, not with each of them. */
class UserSlot implements Admission, BookedLease {
  place = -1
  hasQueued = false
  readonly slot: HeldSlot
  readonly #home: UserSlotHome
  #counted: RateCount | null = null

  constructor(slot: HeldSlot, home: UserSlotHome) {
    this.slot = slot
    this.#home = home
  }

  count(counted: RateCount): this {
    this.#counted = counted
    return this
  }

  get rates(): RatesLeft | null {
    return this.#counted === null ? null : this.#counted.left()
  }

  settleTokens(tokens: number): void {
    this.#counted?.settleTokens(tokens)
  }

  withdraw(): void {
    this.#counted?.withdraw()
  }

  release(): void {
    const { book, user, key, onFree } = this.#home
    if (!book.strike(this)) return
    user.inFlight--
    key.inFlight--
    onFree(user)
  }
}

function isUnder(inFlight: number, limit: number): boolean {
  return limit === 0 || inFlight < limit
}
