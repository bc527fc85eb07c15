/** Requests between their first and their last byte: what a drain waits for and the auditor compares leases with. */
export interface LiveRequests {
  /** `cutOff` ends the request although its caller is still there. */
  enter(requestId: string, cutOff: () => void): void
  /** Its answer has begun as a stream. */
  markStream(requestId: string): void
  leave(requestId: string): void
  has(requestId: string): boolean
  size(): number
  openStreams(): number
  cutOffAll(): void
  /** Resolves when nobody is left, or after `timeoutMs`: true = nobody is left. */
  drained(timeoutMs: number): Promise<boolean>
}

export function createLiveRequests(): LiveRequests {
  const live = new Map<string, () => void>()
  const streams = new Set<string>()
  let onEmpty: (() => void)[] = []

  return {
    enter: (requestId, cutOff) => void live.set(requestId, cutOff),
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
    cutOffAll() {
      for (const cutOff of [...live.values()]) cutOff()
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
