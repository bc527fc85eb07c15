import { within } from '../../../shared/deadline.ts'
import type { Log } from '../../../shared/logger.ts'
import type { ErrorSummary, Errors } from './errors.ts'

const POLL_MS = 1_000
const POLL_DEADLINE_MS = 4_000
/** Errors kept for who comes back, and read at once. */
const MAX_KEPT = 500
/** Ids are given before rows are there to be read: so far back each look goes again. */
const OVERLAP = 200

interface Subscriber {
  /** The last error the subscriber has; null = begin with the next one. */
  afterId: number | null
  signal: AbortSignal
  /** While true the subscriber is skipped. */
  isSlow(): boolean
}

export type ErrorsFeed = ReturnType<typeof createErrorsFeed>

/**
 * Errors of all instances as they are written: one look at the log a second while somebody follows, however many. Each
 * subscriber gets each error once, oldest first.
 */
export function createErrorsFeed({ errors, log }: { errors: Pick<Errors, 'after' | 'newestId'>; log: Log }) {
  const kept: ErrorSummary[] = []
  const seen = new Set<number>()
  const waiting = new Set<() => void>()
  let followers = 0
  let timer: NodeJS.Timeout | null = null
  let newest: number | null = null
  let looking: Promise<void> | null = null

  async function look(): Promise<void> {
    const from: number = newest ?? (await within(POLL_DEADLINE_MS, errors.newestId()))
    const found = await within(POLL_DEADLINE_MS, errors.after(Math.max(from - OVERLAP, 0), MAX_KEPT))
    newest = Math.max(from, ...found.map(({ id }) => id))
    for (const error of found) {
      if (seen.has(error.id)) continue
      seen.add(error.id)
      kept.push(error)
    }
    while (kept.length > MAX_KEPT) {
      const oldest = kept.shift()
      if (oldest) seen.delete(oldest.id)
    }
    const woken = [...waiting]
    waiting.clear()
    for (const wake of woken) wake()
  }

  function beat(): void {
    looking = look()
      .catch((error: unknown) => log.warn({ err: error }, 'the error log could not be followed'))
      .finally(() => {
        looking = null
        if (followers > 0) timer = setTimeout(beat, POLL_MS)
        else timer = null
      })
  }

  /** Errors after `afterId`, then those that come; a slow reader misses what he has no time for. */
  async function* subscribe({ afterId, signal, isSlow }: Subscriber): AsyncGenerator<ErrorSummary> {
    followers += 1
    if (timer === null && looking === null) beat()
    try {
      const sent = new Set<number>()
      if (newest === null || afterId === null) await untilWoken(signal)
      if (afterId === null) for (const { id } of kept) sent.add(id)
      while (!signal.aborted) {
        const due = kept.filter(({ id }) => !sent.has(id) && (afterId === null || id > afterId))
        for (const error of due) {
          sent.add(error.id)
          if (!isSlow()) yield error
        }
        for (const id of sent) if (!seen.has(id)) sent.delete(id)
        await untilWoken(signal)
      }
    } finally {
      followers -= 1
      if (followers === 0 && timer !== null) {
        clearTimeout(timer)
        timer = null
        // Nobody looks any more: the next one begins anew.
        newest = null
        kept.length = 0
        seen.clear()
      }
    }
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
      followers = 0
      if (timer !== null) clearTimeout(timer)
      timer = null
      await looking
    },
  }
}
