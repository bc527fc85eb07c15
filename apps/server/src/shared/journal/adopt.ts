import { rm } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Log } from '../logger.ts'
import { type Held, segmentsOf, setAside, takeDead } from './directories.ts'
import { createShipper, type WriteOutcomes } from './shipper.ts'
import { unknownOutcome } from './unknown-outcome.ts'

export interface AdoptionStats {
  directories: number
  rows: number
  /** Requests whose process was killed before they ended. */
  unknown: number
  damagedLines: number
  /** What still waits, in bytes. */
  waitingBytes: number
}

export interface Adoption {
  /** Tries the directories that wait, each once; true when none is left. */
  run(): Promise<boolean>
  /** Begins no other directory. */
  halt(): void
  stats(): AdoptionStats
  /** Gives back what was not adopted. */
  close(): void
}

/** What dead processes left in `root`, brought to the ledger piece by piece; one that fails does not hold up the others. */
export async function openAdoption(root: string, write: WriteOutcomes, log: Log): Promise<Adoption> {
  const waiting = new Map<Held, number>()
  const told = new Set<Held>()
  const counts = { directories: 0, rows: 0, unknown: 0, damagedLines: 0 }
  let isHalted = false
  for (const held of await takeDead(root, log)) waiting.set(held, await bytesOf(held.directory))

  async function run(): Promise<boolean> {
    for (const held of [...waiting.keys()]) {
      if (isHalted) break
      try {
        await adopt(held)
      } catch (error) {
        if (!told.has(held)) log.warn({ err: error, directory: basename(held.directory) }, 'cannot adopt a journal yet')
        told.add(held)
      }
    }
    return waiting.size === 0
  }

  async function adopt(held: Held): Promise<void> {
    const { rows, unknown, damagedLines } = await adoptDirectory(held.directory, write)
    held.lock.release()
    waiting.delete(held)
    counts.directories++
    counts.rows += rows
    counts.unknown += unknown
    counts.damagedLines += damagedLines
    log.info({ rows, unknown, damagedLines }, 'adopted the journal of a dead process')
  }

  return {
    run,
    halt() {
      isHalted = true
    },
    stats: () => ({ ...counts, waitingBytes: [...waiting.values()].reduce((sum, bytes) => sum + bytes, 0) }),
    close() {
      for (const { lock } of waiting.keys()) lock.release()
    },
  }
}

/**
 * Ships what a dead process left behind: its ends as they are, its starts without an end as `unknown`. The directory goes
 * when everything is in the ledger; one with damaged lines is set aside for inspection instead.
 */
async function adoptDirectory(directory: string, write: WriteOutcomes) {
  const shipper = createShipper({ directory, write, isFinal: true })
  const rows = await shipper.ship(await segmentsOf(directory))
  const unknown = shipper.unended().map((start) => Buffer.from(JSON.stringify(unknownOutcome(start))))
  if (unknown.length > 0) await write(unknown, basename(directory))
  const { damagedLines } = shipper.stats()
  if (damagedLines > 0) await setAside(directory)
  else await rm(directory, { recursive: true, force: true })
  return { rows, unknown: unknown.length, damagedLines }
}

async function bytesOf(directory: string): Promise<number> {
  const segments = await segmentsOf(directory).catch(() => [])
  return segments.reduce((sum, { bytes }) => sum + bytes, 0)
}
