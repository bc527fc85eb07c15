import { open } from 'node:fs/promises'
import { decodeRecord, type ReadRecord, salvageRecords } from './record.ts'

const CHUNK_BYTES = 1024 * 1024
const LINE_FEED = 0x0a

export interface ReadStep {
  records: ReadRecord[]
  /** Lines that were torn or flipped. */
  damaged: number
  /** Where the next step starts: behind the last whole line. */
  position: number
}

/**
 * Reads whole lines from `position` on, about 1 MiB a step and never beyond `limit`. A last line without its line feed
 * is left for later, unless `isFinal` says that nobody will finish it. A step that does not advance has read everything.
 */
export async function readStep(path: string, position: number, limit: number, isFinal: boolean): Promise<ReadStep> {
  const bytes = await readWholeLines(path, position, limit)
  const isTail = position + bytes.length >= limit
  const end = isTail && isFinal ? bytes.length : bytes.lastIndexOf(LINE_FEED) + 1
  const step: ReadStep = { records: [], damaged: 0, position: position + end }
  for (const line of linesOf(bytes.subarray(0, end))) {
    const record = decodeRecord(line)
    if (record === null) step.damaged++
    step.records.push(...(record === null ? salvageRecords(line) : [record]))
  }
  return step
}

/** Without their line feeds; empty ones are none. */
function* linesOf(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(LINE_FEED, from)
    const to = found === -1 ? bytes.length : found
    if (to > from) yield bytes.subarray(from, to)
    from = to + 1
  }
}

/** A chunk that holds at least one line feed, or all there is. */
async function readWholeLines(path: string, position: number, limit: number): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    for (let size = CHUNK_BYTES; ; size *= 2) {
      const length = Math.min(size, limit - position)
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(Math.max(0, length)), 0, length, position)
      const bytes = buffer.subarray(0, bytesRead)
      if (bytes.includes(LINE_FEED) || bytesRead < size) return bytes
    }
  } finally {
    await file.close()
  }
}
