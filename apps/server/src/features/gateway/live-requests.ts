/** Requests between their first and their last byte: what a drain waits for and the auditor compares leases with. */
export interface LiveRequests {
  enter(requestId: string): void
  leave(requestId: string): void
  has(requestId: string): boolean
  size(): number
  /** Resolves when nobody is left, or after `timeoutMs`: true = nobody is left. */
  drained(timeoutMs: number): Promise<boolean>
}

export function createLiveRequests(): LiveRequests {
  const live = new Set<string>()
  let onEmpty: (() => void)[] = []

  return {
    enter: (requestId) => void live.add(requestId),
    leave(requestId) {
      live.delete(requestId)
      if (live.size > 0) return
      for (const call of onEmpty) call()
      onEmpty = []
    },
    has: (requestId) => live.has(requestId),
    size: () => live.size,
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
