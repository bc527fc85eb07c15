import { closeSync, fdatasync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { lockDirectory } from './process-lock.ts'
import { encodeRecord, type JournalRecord } from './record.ts'

export const SEGMENT_BYTES = 16 * 1024 * 1024
export const SYNC_EVERY_MS = 100
/** What a start must leave free, so that the ends of requests already running always fit. */
export const END_RESERVE_BYTES = 8 * 1024 * 1024

export class JournalFull extends Error {
  override readonly name = 'JournalFull'
}

export interface JournalWriter {
  /** Resolves when the record is in the file. Rejects when the disk refuses it, or with JournalFull. */
  append(record: JournalRecord): Promise<void>
  directory: string
  /** How far each segment is written; the last one is still growing. */
  segments(): { number: number; bytes: number; isOpen: boolean }[]
  /** The reader is done with a segment and removed it. */
  forget(segment: number): void
  stats(): { bytes: number; records: number; writes: number; failures: number }
  close(): Promise<void>
}

interface WriterOptions {
  directory: string
  maxBytes: number
  /** Bytes that other directories of the same journal take. */
  otherBytes?: () => number
  segmentBytes?: number
}

/**
 * Appends records to the segments of one directory: one write for all records of a turn of the event loop, a new segment
 * every 16 MiB, fdatasync behind it every 100 ms. A killed process loses nothing that was acknowledged.
 */
export function createJournalWriter({
  directory,
  maxBytes,
  otherBytes = () => 0,
  segmentBytes = SEGMENT_BYTES,
}: WriterOptions): JournalWriter {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  lockDirectory(directory)
  const segments = new Map<number, number>()
  const counts = { bytes: 0, records: 0, writes: 0, failures: 0 }
  let number = 0
  let fd = openNext()
  let pending: string[] = []
  let batch: PromiseWithResolvers<void> | null = null
  let isTorn = false
  let syncTimer: NodeJS.Timeout | null = null

  function openNext(): number {
    number++
    segments.set(number, 0)
    return openSync(join(directory, segmentName(number)), 'a', 0o600)
  }

  function append(record: JournalRecord): Promise<void> {
    const room = maxBytes - counts.bytes - otherBytes() - (record.kind === 'start' ? END_RESERVE_BYTES : 0)
    if (room <= 0) return Promise.reject(new JournalFull('The journal has reached its limit'))
    pending.push(encodeRecord(record))
    if (batch === null) {
      batch = Promise.withResolvers()
      setImmediate(writeBatch)
    }
    return batch.promise
  }

  function writeBatch(): void {
    const current = batch
    if (current === null) return
    const text = (isTorn ? '\n' : '') + pending.join('')
    const records = pending.length
    batch = null
    pending = []
    try {
      writeAll(text)
      counts.records += records
      current.resolve()
    } catch (error) {
      counts.failures++
      isTorn = true
      current.reject(error)
    }
  }

  function writeAll(text: string): void {
    if ((segments.get(number) ?? 0) >= segmentBytes) rotate()
    const bytes = Buffer.from(text)
    for (let written = 0; written < bytes.length; ) {
      const step = writeSync(fd, bytes, written)
      written += step
      segments.set(number, (segments.get(number) ?? 0) + step)
      counts.bytes += step
    }
    isTorn = false
    counts.writes++
    syncTimer ??= setTimeout(sync, SYNC_EVERY_MS)
  }

  function rotate(): void {
    const full = fd
    fd = openNext()
    fdatasync(full, () => closeSync(full))
  }

  function sync(): void {
    syncTimer = null
    fdatasync(fd, (error) => {
      if (error) counts.failures++
    })
  }

  return {
    append,
    directory,
    segments: () => [...segments].map(([n, bytes]) => ({ number: n, bytes, isOpen: n === number })),
    forget(segment) {
      counts.bytes -= segments.get(segment) ?? 0
      segments.delete(segment)
    },
    stats: () => ({ ...counts }),
    async close() {
      writeBatch()
      if (syncTimer !== null) clearTimeout(syncTimer)
      await new Promise<void>((resolve) => fdatasync(fd, () => resolve()))
      closeSync(fd)
    },
  }
}

export function segmentName(number: number): string {
  return `${String(number).padStart(8, '0')}.log`
}
