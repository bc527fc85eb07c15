import { within } from '../../../shared/deadline.ts'
import type { Log } from '../../../shared/logger.ts'
import type { ErrorSummary } from './error-record.ts'
import type { Errors } from './errors.ts'

const POLL_MS = 1_000
const QUERY_MS = 4_000
/** Errors read at once. */
const PAGE = 500
/** Errors kept for all who follow; whoever is further behind reads for himself. */
export const MAX_KEPT = 2_000

interface Subscriber {
  /** The last error the subscriber has; null = begin with the next one. */
  afterId: number | null
  signal: AbortSignal
  /** While true the subscriber is skipped. */
  isSlow(): boolean
}

export type ErrorsFeed = ReturnType<typeof createErrorsFeed>

/**
 * Errors of all instances as they are written: one look at the log a second while somebody follows, however many do. Ids are
 * in the order of writing, so each subscriber gets each error once, oldest first, also one who comes back (of the last
 * quarter of an hour).
 */
export function createErrorsFeed({ errors, log }: { errors: Pick<Errors, 'after' | 'newestId'>; log: Log }) {
  let kept: ErrorSummary[] = []
  /** Everything after this id is in `kept`; null = nobody looks. */
  let keptFrom: number | null = null
  const waiting = new Set<() => void>()
  let followers = 0
  let isClosed = false
  let timer: NodeJS.Timeout | null = null
  let looking: Promise<void> | null = null

  function newestKept(): number | null {
    return kept.at(-1)?.id ?? keptFrom
  }

  async function look(): Promise<void> {
    keptFrom ??= await within(QUERY_MS, errors.newestId())
    for (;;) {
      const page = await within(QUERY_MS, errors.after(newestKept() ?? 0, PAGE))
      if (keptFrom === null) return
      kept = kept.concat(page)
      if (kept.length > MAX_KEPT) {
        keptFrom = kept[kept.length - MAX_KEPT - 1]?.id ?? keptFrom
        kept = kept.slice(-MAX_KEPT)
      }
      wakeAll()
      if (page.length < PAGE) return
    }
  }

  function beat(): void {
    timer = null
    looking = look()
      .catch((error: unknown) => log.warn({ err: error }, 'the error log could not be followed'))
      .finally(() => {
        looking = null
        if (followers > 0 && !isClosed) timer = setTimeout(beat, POLL_MS)
        else forget()
      })
  }

  /** Nobody looks any more: the next one begins anew. */
  function forget(): void {
    if (timer !== null) clearTimeout(timer)
    timer = null
    keptFrom = null
    kept = []
  }

  async function* subscribe({ afterId, signal, isSlow }: Subscriber): AsyncGenerator<ErrorSummary> {
    followers += 1
    if (timer === null && looking === null) beat()
    try {
      let position = afterId ?? newestKept() ?? (await within(QUERY_MS, errors.newestId()))
      while (!signal.aborted) {
        const due = await errorsAfter(position)
        for (const error of due) {
          // A slow reader misses what he has no time for.
          if (!isSlow()) yield error
          position = error.id
        }
        if (due.length === 0) await untilWoken(signal)
      }
    } finally {
      followers -= 1
      if (followers === 0 && looking === null) forget()
    }
  }

  async function errorsAfter(position: number): Promise<ErrorSummary[]> {
    if (keptFrom !== null && position < keptFrom) return within(QUERY_MS, errors.after(position, PAGE))
    const first = kept.findIndex(({ id }) => id > position)
    return first === -1 ? [] : kept.slice(first)
  }

  function wakeAll(): void {
    const woken = [...waiting]
    waiting.clear()
    for (const wake of woken) wake()
  }

  function untilWoken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      if (signal.aborted) return resolve()
      waiting.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }

  return {
    subscribe,
    /** Ends the looking; subscribers end with their connections. */
    async close(): Promise<void> {
      isClosed = true
      await looking
      forget()
    },
  }
}
