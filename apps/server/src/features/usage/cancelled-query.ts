const QUERY_MS = 4_500

/** A query that the database can be told to stop working on. */
export interface Cancellable<T> extends PromiseLike<T> {
  cancel(): void
}

/** The query's result within the time of a procedure; after that the database stops working on it. */
export async function inTime<T>(query: Cancellable<T>): Promise<T> {
  const timer = setTimeout(() => query.cancel(), QUERY_MS)
  try {
    return await query
  } finally {
    clearTimeout(timer)
  }
}

/** The same as long as somebody waits for it. */
export async function untilAborted<T>(query: Cancellable<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const cancel = () => query.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await query
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}
