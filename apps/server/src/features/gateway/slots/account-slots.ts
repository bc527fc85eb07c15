import type { AccountWait, Candidate, Lease } from '@turnpike/core/gateway/ports'
import { isFull } from '@turnpike/core/gateway/select-account'
import { type LeaseBook, lend } from './lease-book.ts'
import { WaiterQueue } from './queue.ts'

export const ACCOUNT_QUEUE_LIMIT = 100

/** Account slots of one instance (gateway.md step 8): counts live on the account itself, where the choice reads them. */
export function createAccountSlots({ book, monotonic }: { book: LeaseBook; monotonic: () => number }) {
  const queues = new Map<number, WaiterQueue<Lease>>()
  /** The newest view of an account: its concurrency may have been edited since a waiter came. */
  const newest = new Map<number, Candidate>()

  function take(candidate: Candidate, requestId: string): Lease | null {
    if (queues.has(candidate.accountId)) {
      newest.set(candidate.accountId, candidate)
      serve(candidate)
    }
    return isFull(candidate) ? null : lendSlot(candidate, requestId)
  }

  function lendSlot(candidate: Candidate, requestId: string): Lease {
    const { live, accountId } = candidate
    live.inFlight++
    return lend(book, { kind: 'account', ownerId: accountId, requestId, since: monotonic() }, () => {
      live.inFlight--
      serve(candidate)
    })
  }

  function serve(released: Candidate): void {
    const queue = queues.get(released.accountId)
    if (queue === undefined) return
    const candidate = newest.get(released.accountId) ?? released
    for (const waiter of [...queue]) {
      if (isFull(candidate)) break
      waiter.wake(lendSlot(candidate, waiter.requestId))
    }
  }

  async function wait(candidate: Candidate, { requestId, waitMs, client }: AccountWait): Promise<Lease | null> {
    const free = take(candidate, requestId)
    if (free !== null) return free
    const queue = queues.get(candidate.accountId) ?? new WaiterQueue<Lease>()
    if (queue.length >= ACCOUNT_QUEUE_LIMIT) return null
    queues.set(candidate.accountId, queue)
    newest.set(candidate.accountId, candidate)
    candidate.live.waiting++
    try {
      const now = monotonic()
      return await queue.wait({ requestId, waitMs, client, now, onTimeout: () => new NothingCameFree() })
    } catch (error) {
      if (error instanceof NothingCameFree) return null
      throw error
    } finally {
      candidate.live.waiting--
      if (queue.length === 0) {
        queues.delete(candidate.accountId)
        newest.delete(candidate.accountId)
      }
    }
  }

  /** A slot that is held already, whatever the limit says; returns how to give it back. */
  function occupy(candidate: Candidate): () => void {
    candidate.live.inFlight++
    return () => {
      candidate.live.inFlight--
      serve(candidate)
    }
  }

  function waiters(): number {
    let total = 0
    for (const queue of queues.values()) total += queue.length
    return total
  }

  return { take, wait, occupy, waiters }
}

class NothingCameFree extends Error {}
