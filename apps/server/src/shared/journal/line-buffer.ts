import { type JournalRecord, lineBytes, writeLine } from './record.ts'

const LINE_FEED = 0x0a
/** One byte in front of the lines closes what a torn write may have left. */
const FIRST = 1
const USUAL_BYTES = 64 * 1024
/** More than that is not kept for the next lines. */
const KEPT_BYTES = 1024 * 1024

/** Lines on their way to the file. The memory is used again and again: they leave nothing for the garbage collector. */
export interface LineBuffer {
  add(record: JournalRecord): void
  count(): number
  /** The lines until now, valid until the next call of `add`; `closing` = with a line feed before them. */
  take(closing: boolean): Buffer
}

export function createLineBuffer(): LineBuffer {
  let bytes = Buffer.allocUnsafeSlow(USUAL_BYTES)
  let end = FIRST
  let count = 0

  function makeRoom(needed: number): void {
    if (bytes.length - end >= needed) return
    const wider = Buffer.allocUnsafeSlow(Math.max(bytes.length * 2, end + needed))
    bytes.copy(wider, 0, 0, end)
    bytes = wider
  }

  return {
    add({ kind, record }) {
      const json = JSON.stringify(record)
      makeRoom(lineBytes(json))
      end = writeLine(bytes, end, kind, json)
      count++
    },
    count: () => count,
    take(closing) {
      bytes[0] = LINE_FEED
      const taken = bytes.subarray(closing ? 0 : FIRST, end)
      if (bytes.length > KEPT_BYTES) bytes = Buffer.allocUnsafeSlow(USUAL_BYTES)
      end = FIRST
      count = 0
      return taken
    },
  }
}
