import { type Member, Roster } from '../../shared/roster.ts'
import type { Known } from './http/refusal.ts'

export interface LiveRequest extends Member {
  readonly requestId: string
  /** Filled in as the request is read. */
  readonly known: Known
  /** Monotonic ms. */
  readonly startedAt: number
  /** Its answer has begun as a stream. */
  isStream: boolean
  /** Ends the request although its caller is still there. */
  cutOff(): void
}

/** Requests between their first and their last byte: what a drain waits for and the auditor compares leases with. */
export interface LiveRequests {
  enter(request: LiveRequest): void
  leave(request: LiveRequest): void
  size(): number
  openStreams(): number
  /** In no order. */
  all(): LiveRequest[]
  /** False = there is no such request here. */
  cutOff(requestId: string): boolean
  cutOffAll(): void
  /** Resolves when nobody is left, or after `timeoutMs`: true = nobody is left. */
  drained(timeoutMs: number): Promise<boolean>
}

export function createLiveRequests(): LiveRequests {
  const live = new Roster<LiveRequest>()
  let onEmpty: (() => void)[] = []

  return {
    enter: (request) => live.add(request),
    leave(request) {
      live.remove(request)
      if (live.size > 0) return
      for (const call of onEmpty) call()
      onEmpty = []
    },
    size: () => live.size,
    openStreams: () => live.all().reduce((count, { isStream }) => count + Number(isStream), 0),
    all: () => live.all(),
    cutOff(requestId) {
      const request = live.all().find((each) => each.requestId === requestId)
      request?.cutOff()
      return request !== undefined
    },
    cutOffAll() {
      for (const request of live.all()) request.cutOff()
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
