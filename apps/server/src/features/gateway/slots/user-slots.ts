import { GatewayError } from '@turnpike/core/gateway/errors'
import type { Admission, AdmitRequest } from '@turnpike/core/gateway/ports'
import type { LeaseBook } from './lease-book.ts'
import { WaiterQueue } from './queue.ts'

/** A user may have max(concurrency, 1) + this many waiters. */
export const WAITING_ROOM_EXTRA = 20
export const USER_WAIT_MS = 30_000

interface UserState {
  inFlight: number
  limit: number
  keys: Map<number, { inFlight: number; limit: number }>
  queue: WaiterQueue<Admission>
}

/**
 * User and key slots of one instance (gateway.md steps 4 and 5). First come first served among the waiters that could run:
 * one blocked only by its key does not hold back the user's other keys. Who is served is decided at the release, so a free
 * slot and a waiter that could take it never exist together.
 */
export function createUserSlots({ book, monotonic }: { book: LeaseBook; monotonic: () => number }) {
  const users = new Map<number, UserState>()

  function stateOf({ userId, userConcurrency, keyId, keyConcurrency }: AdmitRequest): UserState {
    let user = users.get(userId)
    if (user === undefined) {
      user = { inFlight: 0, limit: userConcurrency, keys: new Map(), queue: new WaiterQueue<Admission>() }
      users.set(userId, user)
    }
    user.limit = userConcurrency
    const key = user.keys.get(keyId)
    if (key === undefined) user.keys.set(keyId, { inFlight: 0, limit: keyConcurrency })
    else key.limit = keyConcurrency
    // Limits may have been widened since somebody began to wait: he goes before the newcomer.
    if (user.queue.length > 0) serve(userId, user)
    return user
  }

  function hasRoom(user: UserState, keyId: number): boolean {
    return isUnder(user.inFlight, user.limit) && keyHasRoom(user, keyId)
  }

  function keyHasRoom(user: UserState, keyId: number): boolean {
    const key = user.keys.get(keyId)
    return key === undefined || isUnder(key.inFlight, key.limit)
  }

  function lend(userId: number, user: UserState, keyId: number, requestId: string): Admission {
    const key = user.keys.get(keyId) ?? { inFlight: 0, limit: 0 }
    user.keys.set(keyId, key)
    user.inFlight++
    key.inFlight++
    const lease = book.lend({ kind: 'user', ownerId: userId, requestId, since: monotonic() }, () => {
      user.inFlight--
      key.inFlight--
      serve(userId, user)
      forget(userId, user)
    })
    return { rates: null, settleTokens() {}, release: () => lease.release() }
  }

  function serve(userId: number, user: UserState): void {
    for (const waiter of [...user.queue]) {
      if (!isUnder(user.inFlight, user.limit)) break
      const keyId = waiter.keyId ?? 0
      if (keyHasRoom(user, keyId)) waiter.wake(lend(userId, user, keyId, waiter.requestId))
    }
  }

  /** Idle users cost no memory. */
  function forget(userId: number, user: UserState): void {
    for (const [keyId, { inFlight }] of user.keys) {
      if (inFlight === 0 && user.queue.length === 0) user.keys.delete(keyId)
    }
    if (user.inFlight === 0 && user.queue.length === 0) users.delete(userId)
  }

  function admit(request: AdmitRequest): Admission | Promise<Admission> {
    const { userId, keyId, requestId, client } = request
    const user = stateOf(request)
    if (hasRoom(user, keyId)) return lend(userId, user, keyId, requestId)
    const refusal = () => new GatewayError(keyHasRoom(user, keyId) ? 'user_concurrency_limit' : 'key_concurrency_limit')
    if (request.onBusy === 'fail') throw refusal()
    if (user.queue.length >= Math.max(user.limit, 1) + WAITING_ROOM_EXTRA) throw new GatewayError('queue_full')
    return user.queue.wait({ requestId, keyId, waitMs: USER_WAIT_MS, client, now: monotonic(), onTimeout: refusal })
  }

  function waiters(): number {
    let total = 0
    for (const { queue } of users.values()) total += queue.length
    return total
  }

  return { admit, waiters }
}

function isUnder(inFlight: number, limit: number): boolean {
  return limit === 0 || inFlight < limit
}
