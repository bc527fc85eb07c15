import { BackupError } from './format.ts'

export interface ByteReader {
  /** Up to the next newline, without it; null = there is nothing more. Throws where a line is not ended, or too long. */
  readLine(): Promise<string | null>
  /** Exactly so many bytes, in pieces as they come. Throws where they are not all there. */
  readBytes(count: number): AsyncGenerator<Buffer>
}

/** More than any line of a backup has: a file of something else is not read into memory whole. */
const MAX_LINE_BYTES = 1024 * 1024
const NEWLINE = 0x0a

/** Reads a stream of bytes by lines and by counts in turn. */
export function createByteReader(stream: AsyncIterable<Buffer>): ByteReader {
  const chunks = stream[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)

  async function next(): Promise<boolean> {
    const { done, value } = await chunks.next()
    if (done) return false
    held = held.length === 0 ? value : Buffer.concat([held, value])
    return true
  }

  return {
    async readLine() {
      let end = held.indexOf(NEWLINE)
      while (end < 0) {
        if (held.length > MAX_LINE_BYTES) throw new BackupError('This is no backup of Turnpike.')
        if (!(await next())) {
          if (held.length === 0) return null
          throw cut()
        }
        end = held.indexOf(NEWLINE)
      }
      const text = held.toString('utf8', 0, end)
      held = held.subarray(end + 1)
      return text
    },

    async *readBytes(count) {
      for (let left = count; left > 0; ) {
        if (held.length === 0 && !(await next())) throw cut()
        const piece = held.subarray(0, left)
        held = held.subarray(piece.length)
        left -= piece.length
        yield piece
      }
    },
  }
}

function cut(): BackupError {
  return new BackupError('The backup ends too early: it was cut.')
}
