import { rm } from 'node:fs/promises'
import type { Log } from '../logger.ts'
import { type AdoptionStats, openAdoption } from './adopt.ts'
import { makeDirectory, setAside } from './directories.ts'
import { createJournalWriter } from './journal-writer.ts'
import type { JournalRecord } from './record.ts'
import { createShipper, type WriteOutcomes } from './shipper.ts'

const SHIP_EVERY_MS = 200
const RETRY_FIRST_MS = 500
const RETRY_MAX_MS = 5_000

export interface JournalStats {
  bytes: number
  records: number
  shipped: number
  damagedLines: number
  openStarts: number
  writeFailures: number
  /** Since when the ledger has not taken anything, ms since the epoch; null = it does. */
  stuckSinceMs: number | null
  adopted: AdoptionStats
}

export interface Journal {
  append(record: JournalRecord): Promise<void>
  /** The end of a request whose start was appended went to the ledger without the journal. */
  settle(requestId: string): void
  stats(): JournalStats
  /** Ships all that is readable now; true when nothing is left. */
  flush(): Promise<boolean>
  close(): Promise<void>
}

interface JournalOptions {
  /** DATA_DIR/journal */
  root: string
  bootId: string
  maxBytes: number
  write: WriteOutcomes
  now: () => number
  log: Log
}

/**
 * The durable way of every request to its ledger row (gateway.md step 15): written locally first, shipped in batches behind
 * it, again and again until the ledger has it. What dead processes left in `root` is shipped beside our own.
 */
export async function openJournal({ root, bootId, maxBytes, write, now, log }: JournalOptions): Promise<Journal> {
  const adoption = await openAdoption(root, write, log)
  const { directory, lock } = makeDirectory(root, bootId)
  const otherBytes = () => adoption.stats().waitingBytes
  const writer = createJournalWriter({ directory, maxBytes, otherBytes })
  const shipper = createShipper({ directory, write, onRemoved: writer.forget })
  let stuckSinceMs: number | null = null
  const shipping = repeat(ship, SHIP_EVERY_MS)
  const adopting = repeat(adoption.run, null)

  async function ship(): Promise<boolean> {
    try {
      await shipper.ship(writer.segments())
      if (stuckSinceMs !== null) log.info({ stuckMs: now() - stuckSinceMs }, 'the ledger takes records again')
      stuckSinceMs = null
      return true
    } catch (error) {
      if (stuckSinceMs === null) log.warn({ err: error }, 'the ledger does not take records; they wait in the journal')
      stuckSinceMs ??= now()
      return false
    }
  }

  async function removeDirectory(): Promise<void> {
    const { openStarts, damagedLines } = shipper.stats()
    if (openStarts > 0) return
    if (damagedLines > 0) await setAside(directory)
    else await rm(directory, { recursive: true, force: true })
  }

  return {
    append: writer.append,
    settle: shipper.settle,
    async flush() {
      const [isShipped, isAdopted] = await Promise.all([shipping.now(), adopting.now()])
      return isShipped && isAdopted
    },
    stats() {
      const { bytes, records, failures } = writer.stats()
      const adopted = adoption.stats()
      const all = { bytes: bytes + adopted.waitingBytes, records, writeFailures: failures }
      return { ...all, ...shipper.stats(), stuckSinceMs, adopted }
    },
    async close() {
      adoption.halt()
      await Promise.all([shipping.stop(), adopting.stop()])
      await writer.close()
      // One more round for what was written while the last one ran; what the ledger does not take stays for the next start.
      if (stuckSinceMs === null && (await ship())) await removeDirectory()
      adoption.close()
      lock.release()
    },
  }
}

/**
 * Runs `work` now and then every `everyMs` (null = until it once succeeded), never twice at once; after a failure again at
 * growing distance.
 */
function repeat(work: () => Promise<boolean>, everyMs: number | null) {
  let retryMs = RETRY_FIRST_MS
  let running: Promise<boolean> | null = null
  let isStopped = false
  let timer = setTimeout(() => void tick(), 0)

  function run(): Promise<boolean> {
    running ??= work().finally(() => {
      running = null
    })
    return running
  }

  async function tick(): Promise<void> {
    const isDone = await run()
    if (isStopped || (isDone && everyMs === null)) return
    retryMs = isDone ? RETRY_FIRST_MS : Math.min(retryMs * 2, RETRY_MAX_MS)
    timer = setTimeout(() => void tick(), isDone && everyMs !== null ? everyMs : retryMs)
  }

  return {
    /** A run of its own: one that is under way may have begun before what the caller wants done. */
    now: () => (running === null ? run() : running.then(run)),
    async stop(): Promise<void> {
      isStopped = true
      clearTimeout(timer)
      await running
    },
  }
}
