import { getApp } from '#lib/app-context.ts'
import { isSignedOut, type Problem, toProblem } from './problem.ts'

interface QueryOptions {
  /** Asks again this often while the page is visible. */
  everyMs?: number
}

/**
 * What a page shows of the server. Asks at once, again when anything that `load` reads has changed, and after signing
 * in again. What was loaded stays while a newer answer is awaited or missing; `loadedAtMs` tells how old it is.
 */
export function createQuery<T>(load: (signal: AbortSignal) => Promise<T>, { everyMs }: QueryOptions = {}) {
  const { session } = getApp()
  let data = $state.raw<T>()
  let problem = $state.raw<Problem | null>(null)
  let isLoading = $state(true)
  let loadedAtMs = $state<number | null>(null)
  let round = $state(0)

  $effect(() => {
    void session.epoch
    void round
    const leaving = new AbortController()
    isLoading = true
    load(leaving.signal).then(
      (answer) => {
        if (leaving.signal.aborted) return
        data = answer
        problem = null
        isLoading = false
        loadedAtMs = Date.now()
      },
      (error: unknown) => {
        if (leaving.signal.aborted) return
        problem = toProblem(error)
        isLoading = false
        if (isSignedOut(problem)) session.expire()
      },
    )
    return () => leaving.abort()
  })

  $effect(() => {
    if (everyMs === undefined) return
    const timer = setInterval(() => {
      if (!document.hidden && !isLoading && !session.needsSignIn) round += 1
    }, everyMs)
    return () => clearInterval(timer)
  })

  return {
    get data() {
      return data
    },
    get problem() {
      return problem
    },
    get isLoading() {
      return isLoading
    },
    get loadedAtMs() {
      return loadedAtMs
    },
    reload(): void {
      round += 1
    },
    /** Puts in what a change has just answered, so that the page need not wait for the next load. */
    patch(change: (current: T) => T): void {
      if (data !== undefined) data = change(data)
    },
  }
}

export interface Query<T> {
  readonly data: T | undefined
  readonly problem: Problem | null
  readonly isLoading: boolean
  readonly loadedAtMs: number | null
  reload(): void
  patch(change: (current: T) => T): void
}
