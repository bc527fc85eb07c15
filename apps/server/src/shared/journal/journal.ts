import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../logger.ts'
import { type Adoption, adoptDirectory, bytesOf, deadDirectories } from './adopt.ts'
import { createJournalWriter, type JournalWriter } from './journal-writer.ts'
import type { JournalRecord } from './record.ts'
import { createShipper, type WriteOutcomes } from './shipper.ts'

export const SHIP_EVERY_MS = 200
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
  adopted: Adoption
}

export interface Journal {
  append(record: JournalRecord): Promise<void>
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
 * it, again and again until the ledger has it. What dead processes left in `root` is shipped before our own.
 */
export async function openJournal({ root, bootId, maxBytes, write, now, log }: JournalOptions): Promise<Journal> {
  const orphans = await deadDirectories(root)
  let orphanBytes = await bytesOf(orphans)
  const writer = createJournalWriter({ directory: join(root, bootId), maxBytes, otherBytes: () => orphanBytes })
  const shipper = createShipper({ directory: writer.directory, write, onRemoved: writer.forget })
  const adopted: Adoption = { directories: 0, rows: 0, unknown: 0, damagedLines: 0 }
  let stuckSinceMs: number | null = null
  let retryMs = RETRY_FIRST_MS
  let running: Promise<boolean> | null = null
  let timer: NodeJS.Timeout | null = setTimeout(tick, 0)

  async function shipAll(): Promise<boolean> {
    try {
      for (let directory = orphans[0]; directory !== undefined; directory = orphans[0]) {
        const { rows, unknown, damagedLines } = await adoptDirectory(directory, write)
        orphans.shift()
        orphanBytes = await bytesOf(orphans)
        adopted.directories++
        adopted.rows += rows
        adopted.unknown += unknown
        adopted.damagedLines += damagedLines
        log.info({ rows, unknown, damagedLines }, 'adopted the journal of a dead process')
      }
      await shipper.ship(writer.segments())
      if (stuckSinceMs !== null) log.info({ stuckMs: now() - stuckSinceMs }, 'the ledger takes records again')
      stuckSinceMs = null
      retryMs = RETRY_FIRST_MS
      return true
    } catch (error) {
      if (stuckSinceMs === null) log.warn({ err: error }, 'the ledger does not take records; they wait in the journal')
      stuckSinceMs ??= now()
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)
      return false
    }
  }

  function flush(): Promise<boolean> {
    running ??= shipAll().finally(() => {
      running = null
    })
    return running
  }

  async function tick(): Promise<void> {
    const isCaughtUp = await flush()
    if (timer !== null) timer = setTimeout(tick, isCaughtUp ? SHIP_EVERY_MS : retryMs)
  }

  return {
    append: writer.append,
    flush,
    stats: () => statsOf(writer, shipper.stats(), { stuckSinceMs, adopted, orphanBytes }),
    async close() {
      if (timer !== null) clearTimeout(timer)
      timer = null
      await running
      await writer.close()
      // One more round for what was written while the last one ran; what the ledger does not take stays for the next start.
      const isShipped = await flush()
      if (isShipped && shipper.stats().openStarts === 0) await rm(writer.directory, { recursive: true, force: true })
    },
  }
}

function statsOf(
  writer: JournalWriter,
  shipped: { shipped: number; damagedLines: number; openStarts: number },
  { stuckSinceMs, adopted, orphanBytes }: { stuckSinceMs: number | null; adopted: Adoption; orphanBytes: number },
): JournalStats {
  const { bytes, records, failures } = writer.stats()
  return { bytes: bytes + orphanBytes, records, writeFailures: failures, ...shipped, stuckSinceMs, adopted }
}
