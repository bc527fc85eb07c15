import { untrack } from 'svelte'
import { getApp } from '#lib/app-context.ts'
import { FIRST_ROWS, type ListPage, withNewerStart, withNextPage } from './list-pages.ts'
import { isSignedOut, type Problem, toProblem } from './problem.ts'
import type { Query } from './query.svelte.ts'

/** What each further page brings. */
const MORE_ROWS = 200
/** The most that the API gives at once: what is loaded is asked for again in pages of these. */
const REFRESH_ROWS = 500
const RELOAD_PAGES = 10
/** What a list holds in the browser at most; whoever looks for more narrows it. */
const MAX_ROWS = 50_000

/** Which rows of a list are asked for. */
export interface PageAsk {
  cursor: string | null
  limit: number
}

/** What is below the rows that are loaded. */
export type MoreState = { kind: 'idle' | 'loading' | 'end' | 'full' } | { kind: 'failed'; problem: Problem }

/** The further rows of a list. */
export interface MoreRows {
  readonly state: MoreState
  /** Resolves when the next page is in, or could not be loaded. */
  load(): Promise<void>
}

export interface PagedQuery<Page> extends Query<Page> {
  readonly more: MoreRows
  /** Asks for the beginning again, 500 rows at most: for what comes of itself, while others change it. */
  refresh(): void
}

interface PagedQueryOptions<Page> {
  /** What narrows the list, as a plain value: when it has become another, the list begins anew. */
  filters?: () => unknown
  load: (ask: PageAsk, signal: AbortSignal) => Promise<Page>
  /** Refreshes this often while the page is visible. */
  everyMs?: number
  /** Refreshes when what it reads has changed. */
  refreshOn?: () => unknown
}

/**
 * A list, page by page: it goes on where it ends when more is asked for, and begins anew with other filters and after
 * signing in again. `reload` asks for what is loaded again, up to its 5,000th row.
 */
export function createPagedQuery<Page extends ListPage>({
  filters,
  load,
  everyMs,
  refreshOn,
}: PagedQueryOptions<Page>): PagedQuery<Page> {
  const { session } = getApp()
  let data = $state.raw<Page>()
  let problem = $state.raw<Problem | null>(null)
  let moreProblem = $state.raw<Problem | null>(null)
  let isLoading = $state(true)
  let isLoadingMore = $state(false)
  let loadedAtMs = $state<number | null>(null)
  let round = $state(0)
  /** Whether what is loaded is what `load` asks for now. */
  let isCurrent = $state(false)
  let turn = new AbortController()
  const asked = $derived(JSON.stringify(filters?.()))

  $effect(() => {
    void session.epoch
    void round
    void asked
    isCurrent = false
    untrack(() => void ask((signal) => load({ cursor: null, limit: FIRST_ROWS }, signal)))
    return () => turn.abort()
  })

  $effect(() => {
    refreshOn?.()
    untrack(() => {
      if (data !== undefined) askAgain(1)
    })
  })

  $effect(() => {
    if (everyMs === undefined) return
    const timer = setInterval(() => {
      if (!document.hidden && !isLoading && !isLoadingMore && !session.needsSignIn) refresh()
    }, everyMs)
    return () => clearInterval(timer)
  })

  async function ask(answerOf: (signal: AbortSignal) => Promise<Page>): Promise<void> {
    const { signal } = takeTurn()
    isLoading = true
    try {
      const answer = await answerOf(signal)
      if (signal.aborted) return
      data = answer
      problem = null
      isCurrent = true
      loadedAtMs = Date.now()
    } catch (error) {
      if (signal.aborted) return
      problem = failed(error)
    }
    isLoading = false
  }

  function takeTurn(): AbortController {
    turn.abort()
    turn = new AbortController()
    isLoadingMore = false
    moreProblem = null
    return turn
  }

  function failed(error: unknown): Problem {
    const found = toProblem(error)
    if (isSignedOut(found)) session.expire()
    return found
  }

  function askAgain(pages: number): void {
    const loaded = data
    if (loaded === undefined || !isCurrent) round += 1
    else void ask(async (signal) => withNewerStart(loaded, await startOf(loaded, pages, signal)))
  }

  async function startOf({ items: { length } }: Page, pages: number, signal: AbortSignal) {
    let start = await load({ cursor: null, limit: Math.min(Math.max(length, FIRST_ROWS), REFRESH_ROWS) }, signal)
    for (let page = 1; page < pages && start.nextCursor !== null && start.items.length < length; page += 1) {
      const next = await load({ cursor: start.nextCursor, limit: REFRESH_ROWS }, signal)
      start = withNextPage(start, next)
    }
    return start
  }

  function refresh(): void {
    if (isCurrent && !isLoading) askAgain(1)
  }

  const state = $derived.by<MoreState>(() => {
    if (data === undefined || data.nextCursor === null) return { kind: 'end' }
    if (isLoadingMore) return { kind: 'loading' }
    if (moreProblem !== null) return { kind: 'failed', problem: moreProblem }
    return { kind: data.items.length >= MAX_ROWS ? 'full' : 'idle' }
  })

  async function loadMore(): Promise<void> {
    const loaded = data
    if (loaded === undefined || !isCurrent || isLoading || (state.kind !== 'idle' && state.kind !== 'failed')) return
    const { signal } = takeTurn()
    isLoadingMore = true
    try {
      const limit = Math.min(MORE_ROWS, MAX_ROWS - loaded.items.length)
      const next = await load({ cursor: loaded.nextCursor, limit }, signal)
      if (signal.aborted) return
      data = withNextPage(data ?? loaded, next)
    } catch (error) {
      if (signal.aborted) return
      moreProblem = failed(error)
    }
    isLoadingMore = false
  }

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
    more: {
      get state() {
        return state
      },
      load: loadMore,
    },
    refresh,
    reload: () => askAgain(RELOAD_PAGES),
    patch(change) {
      if (data !== undefined) data = change(data)
    },
  }
}
