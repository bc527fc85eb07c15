import { GATEWAY_ERRORS } from '@turnpike/core/gateway/errors'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import { type EndedRequest, endedOutcome, endedRefusal } from '@turnpike/core/ops/ended-request'
import type { InstanceSample } from '@turnpike/core/ops/instance-sample'
import type { Refusal } from '@turnpike/core/ops/refusal'
import { createTally, type Tally } from '@turnpike/core/ops/tally'
import { STEP_MS } from '@turnpike/core/ops/window'
import { beginLife, endLife, type InstanceLife, writeBuckets } from '@turnpike/db'
import type { Sql } from 'postgres'
import { within } from '../../../shared/deadline.ts'
import type { Log } from '../../../shared/logger.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'

/** A bucket is written so long after its end: outcomes wait for the journal before they are told. */
const CLOSE_AFTER_MS = 500
/** A bucket that was written is kept so long, in case something still ends in it. */
const KEEP_WRITTEN_MS = 60_000
/** Buckets that wait for the database: six hours. Of more the oldest are given up, and counted. */
export const MAX_WAITING_BUCKETS = 2_160
const WRITE_TIMEOUT_MS = 8_000
/** What is not written by then is counted from the ledger. */
const LAST_WRITE_MS = 4_000
/** Buckets written at once. */
const BATCH = 30

interface OpenBucket {
  tally: Tally
  sample: InstanceSample | null
  isWritten: boolean
}

interface CollectorOptions {
  sql: Sql
  clock: WallClock
  life: InstanceLife
  version: string
  providerOf(accountId: number): string | null
  /** What the instance measures of itself, asked for once at the end of each bucket. */
  sample(): Promise<InstanceSample>
  log: Log
}

/**
 * Counts what ends in this instance, in buckets of ten seconds, and writes those that are over (ops.md, "From outcome to
 * number"). While the database is away they wait. `start` sets the clockwork going, `close` writes what is left.
 */
export function createCollector({ sql, clock, life, version, providerOf, sample, log }: CollectorOptions) {
  const buckets = new Map<number, OpenBucket>()
  const startedAt = new Date(bucketOf(clock.now()))
  const lost = { buckets: 0, folded: 0 }
  let hasBegun = false
  let isFailing = false
  let timer: NodeJS.Timeout | null = null
  let writing: Promise<boolean> | null = null

  function record(outcome: Outcome): void {
    count(endedOutcome(outcome))
  }

  function recordRefusal(refusal: Refusal): void {
    count(endedRefusal({ ...refusal, status: GATEWAY_ERRORS[refusal.code].status }))
  }

  function count(ended: EndedRequest): void {
    const bucket = bucketAt(bucketOf(ended.endedAtMs))
    bucket.tally.count(ended)
    bucket.isWritten = false
  }

  /** A clock that was set back, or an outcome told very late, is counted now: its own time may be told already. */
  function bucketAt(atMs: number): OpenBucket {
    const known = buckets.get(atMs)
    if (known !== undefined) return known
    const nowMs = bucketOf(clock.now())
    if (atMs < nowMs - KEEP_WRITTEN_MS || atMs > nowMs + STEP_MS.bucket) return bucketAt(nowMs)
    const made = { tally: createTally({ providerOf }), sample: null, isWritten: false }
    buckets.set(atMs, made)
    return made
  }

  function beat(): void {
    timer = setTimeout(() => {
      beat()
      void turn()
    }, msToNext(clock.now()))
    timer.unref()
  }

  async function turn(): Promise<void> {
    const endedMs = bucketOf(clock.now()) - STEP_MS.bucket
    try {
      bucketAt(endedMs).sample = await within(WRITE_TIMEOUT_MS, sample())
    } catch (error) {
      log.warn({ err: error }, 'the instance could not measure itself')
    }
    await flush()
  }

  /** Writes what is over; true = nothing waits. Never twice at once. */
  function flush(untilMs = bucketOf(clock.now() - CLOSE_AFTER_MS)): Promise<boolean> {
    writing = (writing ?? Promise.resolve(true)).then(() => write(untilMs))
    return writing
  }

  async function write(untilMs: number): Promise<boolean> {
    try {
      if (!hasBegun) await within(WRITE_TIMEOUT_MS, beginLife(sql, { ...life, version, startedAt }))
      hasBegun = true
      const due = [...buckets]
        .filter(([atMs, { isWritten }]) => !isWritten && atMs < untilMs)
        .toSorted(([a], [b]) => a - b)
      for (let from = 0; from === 0 || from < due.length; from += BATCH)
        await writeBatch(due.slice(from, from + BATCH), untilMs)
      if (isFailing) log.info({}, 'metrics are written again')
      isFailing = false
      return true
    } catch (error) {
      if (!isFailing) log.warn({ err: error }, 'metrics cannot be written; they wait')
      isFailing = true
      return false
    } finally {
      tidy()
    }
  }

  async function writeBatch(batch: [number, OpenBucket][], untilMs: number): Promise<void> {
    const rows = batch.map(([atMs, { tally, sample: measured }]) => ({
      atMs,
      rows: tally.rows(),
      sample: json(measured),
    }))
    // Before it is awaited: what is counted meanwhile makes the bucket due again.
    for (const [, bucket] of batch) bucket.isWritten = true
    const last = batch.at(-1)
    const flushedToMs = last === undefined || batch.length < BATCH ? untilMs : last[0] + STEP_MS.bucket
    try {
      await within(WRITE_TIMEOUT_MS, writeBuckets(sql, life, rows, flushedToMs))
    } catch (error) {
      for (const [, bucket] of batch) bucket.isWritten = false
      throw error
    }
  }

  function tidy(): void {
    const keptFromMs = clock.now() - KEEP_WRITTEN_MS - STEP_MS.bucket
    for (const [atMs, { isWritten, tally }] of buckets) {
      if (!isWritten || atMs >= keptFromMs) continue
      lost.folded += tally.folded()
      buckets.delete(atMs)
    }
    const waiting = [...buckets].filter(([, { isWritten }]) => !isWritten)
    for (const [atMs] of waiting.slice(0, Math.max(waiting.length - MAX_WAITING_BUCKETS, 0))) {
      buckets.delete(atMs)
      lost.buckets += 1
      log.error(
        { at: new Date(atMs).toISOString() },
        'ten seconds of metrics are lost: the database has been away too long',
      )
    }
  }

  async function writeLast(): Promise<void> {
    if (await flush(bucketOf(clock.now()) + 2 * STEP_MS.bucket)) await endLife(sql, life.bootId)
  }

  return {
    record,
    recordRefusal,
    start: beat,
    flush,
    stats: () => ({ waitingBuckets: [...buckets.values()].filter(({ isWritten }) => !isWritten).length, ...lost }),
    /** Writes everything, the bucket that still runs included, and says goodbye. */
    async close(): Promise<void> {
      if (timer !== null) clearTimeout(timer)
      await within(LAST_WRITE_MS, writeLast()).catch((error: unknown) =>
        log.warn({ err: error }, 'the last metrics of this instance could not be written'),
      )
    },
  }
}

function bucketOf(ms: number): number {
  return Math.floor(ms / STEP_MS.bucket) * STEP_MS.bucket
}

function msToNext(nowMs: number): number {
  return STEP_MS.bucket - ((nowMs - CLOSE_AFTER_MS) % STEP_MS.bucket)
}

/** Safe because a sample is made of numbers, truths and numbers by name only. */
function json(sample: InstanceSample | null) {
  return sample === null ? null : { ...sample }
}
