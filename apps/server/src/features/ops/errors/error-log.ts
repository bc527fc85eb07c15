import type { Diagnostics, Outcome } from '@turnpike/core/gateway/outcome'
import { failureCode, verdictOf } from '@turnpike/core/ops/classify'
import type { Refusal } from '@turnpike/core/ops/refusal'
import { within } from '../../../shared/deadline.ts'
import type { Log } from '../../../shared/logger.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import { type ErrorRow, errorRow } from './error-row.ts'
import { curedAttempts, type Failure, isFoldable, sourceKeyOf } from './failure.ts'

/** Failures that wait to be written; of more the newest are dropped. Requests never wait for one of them. */
export const MAX_QUEUE = 256
export const MAX_BATCH = 32
const BATCH_AFTER_MS = 200
/** Batches on their way at once. */
const MAX_WRITES = 10
const WRITE_MS = 5_000
const DRAIN_MS = 10_000
/** Of what callers cause themselves so many rows a minute per code and key or address; the rest is one row more. */
export const MAX_ROWS_A_MINUTE = 60
const FOLD_MS = 60_000
/** Codes and callers that are told apart; beyond them the callers of a code are one. */
export const MAX_FOLDS = 10_000

/** What became of failures: produced = stored + folded + dropped + waiting. */
export interface ErrorLogStats {
  produced: number
  stored: number
  /** They are in the `count` of a row that is stored. */
  folded: number
  dropped: { queueFull: number; database: number; closed: number }
  waiting: number
}

interface Fold {
  endsAtMs: number
  rows: number
  first: Failure | null
  count: number
}

interface Entry {
  failure: Failure
  count: number
}

interface ErrorLogOptions {
  /** Writes rows; rejects where the database does not take them. */
  insert(rows: ErrorRow[]): Promise<void>
  clock: WallClock
  instanceId: string
  providerOf(accountId: number): string | null
  log: Log
}

/** The one way of every failure to `ops_error_logs` (ops.md, "Error pipeline"). */
export function createErrorLog({ insert, clock, instanceId, providerOf, log }: ErrorLogOptions) {
  let queue: Entry[] = []
  const folds = new Map<string, Fold>()
  const stats = { produced: 0, stored: 0, folded: 0, dropped: { queueFull: 0, database: 0, closed: 0 } }
  const writes = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | null = null
  let isClosed = false
  let isFailing = false
  let hasGivenUp = false
  const sweeping = setInterval(() => endFolds(clock.now()), FOLD_MS / 4)
  sweeping.unref()

  function recordOutcome(outcome: Outcome, diagnostics: Diagnostics): void {
    const code = failureCode(outcome)
    if (code !== null) return record({ kind: 'request', code, outcome, diagnostics })
    // Of a request whose caller left, nobody knows what would have become of it.
    if (verdictOf(outcome) !== 'success' || outcome.attempts.length < 2) return
    for (const failure of curedAttempts(outcome, diagnostics)) record(failure)
  }

  function recordRefusal(refusal: Refusal): void {
    record({ kind: 'refusal', code: refusal.code, refusal })
  }

  /** A fault of ours beside requests; `where` names the part. */
  function recordFault(where: string, error: unknown): void {
    record({ kind: 'fault', code: 'internal_error', atMs: clock.now(), where, error })
  }

  function record(failure: Failure): void {
    stats.produced += 1
    if (isClosed) {
      stats.dropped.closed += 1
      return
    }
    if (!isFoldable(failure) || mayHaveRow(failure)) enqueue({ failure, count: 1 })
  }

  /** False where it was folded instead. */
  function mayHaveRow(failure: Failure): boolean {
    const fold = foldOf(failure)
    if (fold.rows < MAX_ROWS_A_MINUTE) {
      fold.rows += 1
      return true
    }
    fold.first ??= failure
    fold.count += 1
    return false
  }

  function foldOf(failure: Failure): Fold {
    const key = sourceKeyOf(failure)
    const known = folds.get(key)
    if (known !== undefined) return known
    if (folds.size >= MAX_FOLDS && !folds.has(failure.code)) return newFold(failure.code)
    return folds.size >= MAX_FOLDS ? (folds.get(failure.code) ?? newFold(failure.code)) : newFold(key)
  }

  function newFold(key: string): Fold {
    const fold = { endsAtMs: clock.now() + FOLD_MS, rows: 0, first: null, count: 0 }
    folds.set(key, fold)
    return fold
  }

  function endFolds(beforeMs: number): void {
    for (const [key, { endsAtMs, first, count }] of folds) {
      if (endsAtMs > beforeMs) continue
      folds.delete(key)
      if (first !== null) enqueue({ failure: first, count })
    }
  }

  function enqueue(entry: Entry): void {
    if (queue.length >= MAX_QUEUE) {
      stats.dropped.queueFull += entry.count
      return
    }
    queue.push(entry)
    if (queue.length >= MAX_BATCH) startWrites(MAX_BATCH)
    else timer ??= setTimeout(() => startWrites(1), BATCH_AFTER_MS)
  }

  /** Begins as many writes as there may be, of at least so many entries each. */
  function startWrites(atLeast: number): void {
    if (queue.length === 0 || queue.length < atLeast || writes.size >= MAX_WRITES) return
    if (timer !== null) clearTimeout(timer)
    timer = null
    const batch = queue.slice(0, MAX_BATCH)
    queue = queue.slice(MAX_BATCH)
    const writing = write(batch).finally(() => {
      writes.delete(writing)
      startWrites(1)
    })
    writes.add(writing)
    startWrites(atLeast)
  }

  async function write(batch: readonly Entry[]): Promise<void> {
    // A turn of the event loop later: requests never wait for rows to be made.
    await new Promise((resolve) => setImmediate(resolve))
    try {
      const rows = batch.map(({ failure, count }) => errorRow(failure, { instanceId, count, providerOf }))
      await within(WRITE_MS, insert(rows))
      if (hasGivenUp) return
      for (const { count } of batch) {
        stats.stored += 1
        stats.folded += count - 1
      }
      isFailing = false
    } catch (error) {
      if (hasGivenUp) return
      for (const { count } of batch) stats.dropped.database += count
      if (!isFailing) log.warn({ err: error }, 'errors cannot be written to the error log; they are counted only')
      isFailing = true
    }
  }

  function waiting(): number {
    const { produced, stored, folded, dropped } = stats
    return produced - stored - folded - dropped.queueFull - dropped.database - dropped.closed
  }

  return {
    recordOutcome,
    recordRefusal,
    recordFault,
    stats: (): ErrorLogStats => ({ ...stats, dropped: { ...stats.dropped }, waiting: waiting() }),
    /** Writes what waits, for at most ten seconds; what is left then is dropped, and counted. */
    async close(): Promise<void> {
      if (isClosed) return
      clearInterval(sweeping)
      endFolds(Number.POSITIVE_INFINITY)
      isClosed = true
      await within(DRAIN_MS, drain()).catch(() => {
        stats.dropped.closed += waiting()
        queue = []
        // What still comes back has been counted.
        hasGivenUp = true
      })
    },
  }

  async function drain(): Promise<void> {
    for (startWrites(1); writes.size > 0; startWrites(1)) await Promise.all(writes)
  }
}
