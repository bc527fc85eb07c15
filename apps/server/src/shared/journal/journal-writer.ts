import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createLineBuffer } from './line-buffer.ts'
import type { JournalRecord } from './record.ts'

const SEGMENT_BYTES = 16 * 1024 * 1024
const SYNC_EVERY_MS = 100
/** What a start must leave free, so that the ends of requests already running always fit. */
const END_RESERVE_BYTES = 8 * 1024 * 1024

export class JournalFull extends Error {
  override readonly name = 'JournalFull'
}

export interface JournalWriter {
  /** Resolves when the record is in the file. Rejects when the disk refuses it, or with JournalFull; then no part of it is. */
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
  /** Exists and is this process's own. */
  directory: string
  maxBytes: number
  /** Bytes that other directories of the same journal take. */
  otherBytes?: () => number
  /** A small journal has small segments: the open one is never given free. */
  segmentBytes?: number
  /** Writes some of the bytes at the end of the file and returns how many; throws what the disk says. */
  write?: (fd: number, bytes: Buffer, from: number) => number
}

/**
 * Appends records to the segments of one directory: one write for all records of a turn of the event loop, a new segment
 * every 16 MiB, fdatasync behind it every 100 ms. A killed process loses nothing that was acknowledged.
 */
export function createJournalWriter({
  directory,
  maxBytes,
  otherBytes = () => 0,
  segmentBytes = Math.min(SEGMENT_BYTES, maxBytes / 8),
  write = writeSync,
}: WriterOptions): JournalWriter {
  const endReserve = Math.min(END_RESERVE_BYTES, maxBytes / 4)
  const segments = new Map<number, number>()
  const counts = { bytes: 0, records: 0, writes: 0, failures: 0 }
  let number = 1
  let fd = openSegment()
  const lines = createLineBuffer()
  let batch: PromiseWithResolvers<void> | null = null
  let isTorn = false
  let isClosed = false
  let syncTimer: NodeJS.Timeout | null = null

  function openSegment(): number {
    const opened = openSync(join(directory, segmentName(number)), 'a', 0o600)
    segments.set(number, 0)
    return opened
  }

  function append(record: JournalRecord): Promise<void> {
    if (isClosed) return Promise.reject(new Error('The journal is closed'))
    const room = maxBytes - counts.bytes - otherBytes() - (record.kind === 'start' ? endReserve : 0)
    if (room <= 0) return Promise.reject(new JournalFull('The journal has reached its limit'))
    lines.add(record)
    if (batch === null) {
      batch = Promise.withResolvers()
      setImmediate(writeBatch)
    }
    return batch.promise
  }

  function writeBatch(): void {
    const current = batch
    if (current === null) return
    const records = lines.count()
    batch = null
    try {
      // A line end before the lines closes what was torn: only reading tells what that was.
      writeAll(lines.take(isTorn))
      counts.records += records
      current.resolve()
    } catch (error) {
      counts.failures++
      current.reject(error)
    }
  }

  function writeAll(bytes: Buffer): void {
    if (sizeOf(number) >= segmentBytes) rotate()
    let written = 0
    try {
      while (written < bytes.length) written += write(fd, bytes, written)
    } catch (error) {
      if (written > 0) takeBack(written)
      throw error
    }
    grow(written)
    isTorn = false
    counts.writes++
    syncTimer ??= setTimeout(sync, SYNC_EVERY_MS)
  }

  /** Records that were refused must not come back from the dead; where they cannot be cut off, the next line starts anew. */
  function takeBack(written: number): void {
    try {
      ftruncateSync(fd, sizeOf(number))
    } catch {
      isTorn = true
      grow(written)
    }
  }

  function sizeOf(segment: number): number {
    return segments.get(segment) ?? 0
  }

  function grow(bytes: number): void {
    segments.set(number, sizeOf(number) + bytes)
    counts.bytes += bytes
  }

  function rotate(): void {
    const full = fd
    number++
    try {
      fd = openSegment()
    } catch (error) {
      number--
      throw error
    }
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
      counts.bytes -= sizeOf(segment)
      segments.delete(segment)
    },
    stats: () => ({ ...counts }),
    async close() {
      if (isClosed) return
      isClosed = true
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
