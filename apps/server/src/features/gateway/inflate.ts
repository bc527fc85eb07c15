import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'

/** What comes out at once; an event or answer of any size is bounded by its reader. */
const CHUNK_BYTES = 64 * 1024

interface InflateListener {
  onData(bytes: Buffer): void
  onEnd(): void
  onError(): void
}

export interface Inflater {
  write(bytes: Buffer): void
  end(): void
  destroy(): void
}

/**
 * Undoes a content encoding we never asked for. The stream is destroyed by its reader as soon as a limit is passed, so a
 * small body cannot unfold into a large one. Null for an encoding we do not know.
 */
export function createInflater(encoding: string, { onData, onEnd, onError }: InflateListener): Inflater | null {
  const stream = decoderFor(encoding.trim().toLowerCase())
  if (stream === null) return null
  stream.on('data', onData)
  stream.once('end', onEnd)
  stream.once('error', onError)
  return {
    write: (bytes) => void stream.write(bytes),
    end: () => void stream.end(),
    destroy: () => void stream.destroy(),
  }
}

function decoderFor(encoding: string) {
  const options = { chunkSize: CHUNK_BYTES }
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip(options)
  if (encoding === 'deflate') return createInflate(options)
  if (encoding === 'br') return createBrotliDecompress(options)
  return encoding === 'zstd' ? createZstdDecompress(options) : null
}
