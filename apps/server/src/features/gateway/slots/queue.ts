import { ClientLeft } from '@turnpike/core/gateway/client-left'
import type { Lease } from '@turnpike/core/gateway/ports'

/** Somebody who queues for a slot. */
export interface Waiter<Granted extends Lease> {
  requestId: string
  /** What it waits for beside the queue's own limit, e.g. its key; null = nothing. */
  keyId: number | null
  since: number
  wake(lease: Granted): void
  refuse(error: Error): void
}

interface WaitOptions {
  requestId: string
  keyId?: number
  waitMs: number
  client: AbortSignal
  now: number
  /** What the waiter gets when nothing came free in time. */
  onTimeout: () => Error
}

/** Waiters in order of arrival. Leaving (time-out, caller gone, served) is O(n) in a queue that is bounded by its owner. */
export class WaiterQueue<Granted extends Lease> {
  #waiters: Waiter<Granted>[] = []

  get length(): number {
    return this.#waiters.length
  }

  [Symbol.iterator](): Iterator<Waiter<Granted>> {
    return this.#waiters[Symbol.iterator]()
  }

  remove(waiter: Waiter<Granted>): void {
    const at = this.#waiters.indexOf(waiter)
    if (at !== -1) this.#waiters.splice(at, 1)
  }

  wait({ requestId, keyId, waitMs, client, now, onTimeout }: WaitOptions): Promise<Granted> {
    if (client.aborted) return Promise.reject(new ClientLeft())
    const { promise, resolve, reject } = Promise.withResolvers<Granted>()
    const leave = () => {
      clearTimeout(timer)
      client.removeEventListener('abort', onLeft)
      this.remove(waiter)
    }
    const waiter: Waiter<Granted> = {
      requestId,
      keyId: keyId ?? null,
      since: now,
      wake(lease) {
        leave()
        resolve(lease)
      },
      refuse(error) {
        leave()
        reject(error)
      },
    }
    const onLeft = () => waiter.refuse(new ClientLeft())
    const timer = setTimeout(() => waiter.refuse(onTimeout()), waitMs)
    client.addEventListener('abort', onLeft)
    this.#waiters.push(waiter)
    return promise
  }
}
