import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { StartRecord } from '@turnpike/core/gateway/ports'
import { segmentName } from './journal-writer.ts'
import { type ReadRecord, startOf } from './record.ts'
import { readStep } from './segment-reader.ts'

export const SHIP_BATCH_ROWS = 500

/**
 * Writes outcomes, given as JSON in UTF-8, to the ledger, each at most once; throws when the ledger is out of reach. `bootId` names
 * the life of the instance they were made in.
 */
export type WriteOutcomes = (outcomes: Buffer[], bootId: string) => Promise<void>

export interface ShipStats {
  shipped: number
  damagedLines: number
  /** Requests that have begun and not ended, as far as was read. */
  openStarts: number
}

interface Segment {
  number: number
  bytes: number
  isOpen: boolean
}

export interface Shipper {
  /** Ships all that is readable now; resolves with the number of rows. Call again after a failure: nothing is skipped. */
  ship(segments: Segment[]): Promise<number>
  /** The end of a request whose start was appended went to the ledger without the journal. */
  settle(requestId: string): void
  /** Requests without an end, for a directory whose process is dead. */
  unended(): StartRecord[]
  stats(): ShipStats
}

/**
 * Carries the records of one directory to the ledger, in order. A segment is removed when all its ends are in the ledger
 * and none of its starts is still open, so that whatever kills this process, the next one finds what is missing.
 */
export function createShipper({
  directory,
  write,
  onRemoved = () => {},
  isFinal = false,
}: {
  directory: string
  write: WriteOutcomes
  onRemoved?: (segment: number) => void
  /** The directory's process is dead: a torn last line will never be finished. */
  isFinal?: boolean
}): Shipper {
  const positions = new Map<number, number>()
  const open = new Map<string, { start: ReadRecord | null; segment: number }>()
  const openPerSegment = new Map<number, number>()
  const settledUnread = new Set<string>()
  const stats = { shipped: 0, damagedLines: 0 }
  const bootId = basename(directory)

  async function ship(segments: Segment[]): Promise<number> {
    const settledBefore = [...settledUnread]
    let rows = 0
    for (const segment of segments) rows += await shipSegment(segment)
    // All that was appended before this round has been read: a start still unseen was never in the journal.
    for (const requestId of settledBefore) settledUnread.delete(requestId)
    for (const segment of segments) await removeIfDone(segment)
    return rows
  }

  async function shipSegment({ number, bytes, isOpen }: Segment): Promise<number> {
    let rows = 0
    for (let position = positions.get(number) ?? 0; position < bytes; ) {
      const step = await readStep(join(directory, segmentName(number)), position, bytes, isFinal || !isOpen)
      const outcomes = step.records.filter((record) => record.kind === 'end').map(({ json }) => json)
      for (let from = 0; from < outcomes.length; from += SHIP_BATCH_ROWS) {
        await write(outcomes.slice(from, from + SHIP_BATCH_ROWS), bootId)
      }
      for (const record of step.records) note(record, number)
      stats.damagedLines += step.damaged
      stats.shipped += outcomes.length
      rows += outcomes.length
      positions.set(number, step.position)
      if (step.position === position) break
      position = step.position
    }
    return rows
  }

  function note(read: ReadRecord, segment: number): void {
    if (read.kind === 'end') return void close(read.requestId)
    if (settledUnread.delete(read.requestId)) return
    // Only of a dead process anybody will ask what its start said.
    open.set(read.requestId, { start: isFinal ? read : null, segment })
    openPerSegment.set(segment, (openPerSegment.get(segment) ?? 0) + 1)
  }

  function close(requestId: string): boolean {
    const started = open.get(requestId)
    if (started === undefined) return false
    open.delete(requestId)
    openPerSegment.set(started.segment, (openPerSegment.get(started.segment) ?? 1) - 1)
    return true
  }

  async function removeIfDone({ number, bytes, isOpen }: Segment): Promise<void> {
    const isShipped = (positions.get(number) ?? 0) >= bytes
    if (isOpen || isFinal || !isShipped || (openPerSegment.get(number) ?? 0) > 0) return
    await rm(join(directory, segmentName(number)), { force: true })
    positions.delete(number)
    openPerSegment.delete(number)
    onRemoved(number)
  }

  return {
    ship,
    settle(requestId) {
      if (!close(requestId)) settledUnread.add(requestId)
    },
    unended: () => [...open.values()].flatMap(({ start }) => (start === null ? [] : startOf(start))),
    stats: () => ({ ...stats, openStarts: open.size }),
  }
}
