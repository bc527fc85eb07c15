import type { Log } from './logger.ts'

interface Said {
  /** What cannot be done for now, and what becomes of it. */
  failing: string
  again: string
}

/**
 * Periodic work that fails while the database is away: of failures in a row each kind is a warning once, until the work is
 * done again. For work that is made up for later.
 */
export function warnOnceInARow(work: () => Promise<unknown>, { failing, again }: Said, log: Log): () => Promise<void> {
  const kinds = new Set<string>()
  return async () => {
    try {
      await work()
      if (kinds.size > 0) log.info({}, again)
      kinds.clear()
    } catch (error) {
      const kind = kindOf(error)
      if (!kinds.has(kind)) log.warn({ err: error }, failing)
      kinds.add(kind)
    }
  }
}

function kindOf(error: unknown): string {
  const { cause, code, name } = Object(error)
  return String(Object(cause).code ?? Object(cause).name ?? code ?? name)
}
