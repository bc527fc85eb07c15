import type { Known } from './http/refusal.ts'

export interface LiveRequest {
  /** Filled in as the request is read. */
  known: Known
  /** Monotonic ms. */
  startedAt: number
  /** Ends the request although its caller is still there. */
  cutOff(): void
}

/** Requests between their first and their last byte: what a drain waits for and the auditor compares leases with. */
export interface LiveRequests {
  enter(requestId: string, request: LiveRequest): void
  /** Its answer has begun as a stream. */
  markStream(requestId: string): void
  leave(requestId: string): void
  has(requestId: string): boolean
  size(): number
  openStreams(): number
  entries(): IterableIterator<[string, LiveRequest]>
  /** False = there is no such request here. */
  cutOff(requestId: string): boolean
  cutOffAll(): void
  /** Resolves when nobody is left, or after `timeoutMs`: true = nobody is left. */
  drained(timeoutMs: number): Promise<boolean>
}

export function createLiveRequests(): LiveRequests {
  const live = new Map<string, LiveRequest>()
  const streams = new Set<string>()
  let onEmpty: (() => void)[] = []

  return {
    enter: (requestId, request) => void live.set(requestId, request),
    markStream: (requestId) => void streams.add(requestId),
    leave(requestId) {
      live.delete(requestId)
      streams.delete(requestId)
      if (live.size > 0) return
      for (const call of onEmpty) call()
      onEmpty = []
    },
    has: (requestId) => live.has(requestId),
    size: () => live.size,
    openStreams: () => streams.size,
    entries: () => live.entries(),
    cutOff(requestId) {
      const request = live.get(requestId)
      request?.cutOff()
      return request !== undefined
    },
    cutOffAll() {
      for (const request of [...live.values()]) request.cutOff()
    },
    drained(timeoutMs) {
      if (live.size === 0) return Promise.resolve(true)
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const timer = setTimeout(() => resolve(false), timeoutMs)
      onEmpty.push(() => {
        clearTimeout(timer)
        resolve(true)
      })
      return promise
    },
  }
}
