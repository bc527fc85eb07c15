import { setTimeout as sleep } from 'node:timers/promises'
import { within } from '../../../shared/deadline.ts'
import type { Log } from '../../../shared/logger.ts'
import type { AlertEvents, EventChange } from './events.ts'

const POLL_MS = 1_000
const QUERY_MS = 4_000
/** Changes read at once. */
const PAGE = 200

interface Subscriber {
  /** The last change the subscriber has; null = begin with the next one. */
  afterRevision: number | null
  signal: AbortSignal
  /** While true the subscriber is skipped. */
  isSlow(): boolean
}

export type EventsFeed = ReturnType<typeof createEventsFeed>

/**
 * Events of all instances as they begin, are acknowledged and end. Changes are numbered in the order of writing, so who
 * comes back misses none; of an event that changed twice meanwhile he gets what it is now.
 */
export function createEventsFeed({
  events,
  log,
  pollMs = POLL_MS,
}: {
  events: Pick<AlertEvents, 'changesAfter' | 'newestRevision'>
  log: Log
  pollMs?: number
}) {
  let newest: { at: number; revision: Promise<number> } | null = null

  /** One question a turn, however many follow. */
  function newestRevision(): Promise<number> {
    const now = performance.now()
    if (newest === null || now - newest.at >= pollMs) {
      newest = { at: now, revision: within(QUERY_MS, events.newestRevision()) }
    }
    return newest.revision
  }

  async function* subscribe({ afterRevision, signal, isSlow }: Subscriber): AsyncGenerator<EventChange> {
    let position = afterRevision ?? (await within(QUERY_MS, events.newestRevision()))
    while (!signal.aborted) {
      const changes = await changesAfter(position)
      for (const change of changes) {
        // A slow reader misses what he has no time for.
        if (!isSlow()) yield change
        position = change.revision
      }
      if (changes.length < PAGE) await pause(signal)
    }
  }

  async function changesAfter(position: number): Promise<EventChange[]> {
    try {
      if ((await newestRevision()) <= position) return []
      return await within(QUERY_MS, events.changesAfter(position, PAGE))
    } catch (error) {
      log.warn({ err: error }, 'alert events could not be followed')
      return []
    }
  }

  function pause(signal: AbortSignal): Promise<void> {
    return sleep(pollMs, undefined, { signal }).catch(() => {})
  }

  return { subscribe }
}
