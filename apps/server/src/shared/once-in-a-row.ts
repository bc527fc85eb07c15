import type { Log } from './logger.ts'

interface Said {
  /** What cannot be done for now, and what becomes of it. */
  failing: string
  again: string
}

/**
 * Periodic work that fails while the database is away: the first failure in a row is a warning, and so often again none,
 * until it is done once more. For work that is made up for later.
 */
export function warnOnceInARow(work: () => Promise<unknown>, { failing, again }: Said, log: Log): () => Promise<void> {
  let isFailing = false
  return async () => {
    try {
      await work()
      if (isFailing) log.info({}, again)
      isFailing = false
    } catch (error) {
      if (!isFailing) log.warn({ err: error }, failing)
      isFailing = true
    }
  }
}
