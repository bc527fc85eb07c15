import { isAscii, isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { ClientLeft } from '@turnpike/core/gateway/client-left'
import { GatewayError } from '@turnpike/core/gateway/errors'

/** What a refused body still sends is read and thrown away this long, so that the caller gets to read his answer. */
export const DISCARD_MS = 10_000
const MEBIBYTE = 1024 * 1024

/** The whole body. Throws unsupported_encoding, body_too_large, body_unreadable; ClientLeft where the caller is gone. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    discard(request)
    throw new GatewayError('unsupported_encoding')
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    discard(request)
    throw tooLarge(maxBytes)
  }
  return collect(request, maxBytes)
}

/** Strictly decoded UTF-8. Throws body_invalid. */
export function decodeBody(bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString('latin1')
  if (!isUtf8(bytes)) throw new GatewayError('body_invalid')
  return bytes.toString('utf8')
}

function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let size = 0
  request.on('data', onData)
  request.on('end', onEnd)
  request.on('error', onError)
  request.on('close', onClose)
  return promise

  function onData(chunk: Buffer): void {
    size += chunk.length
    chunks.push(chunk)
    if (size <= maxBytes) return
    leave()
    discard(request)
    reject(tooLarge(maxBytes))
  }

  function onEnd(): void {
    leave()
    const [only] = chunks
    resolve(chunks.length === 1 && only ? only : Buffer.concat(chunks, size))
  }

  function onError(cause: Error): void {
    leave()
    reject(request.destroyed ? new ClientLeft() : new GatewayError('body_unreadable', { cause }))
  }

  function onClose(): void {
    leave()
    reject(new ClientLeft())
  }

  function leave(): void {
    request.off('data', onData)
    request.off('end', onEnd)
    request.off('error', onError)
    request.off('close', onClose)
  }
}

/** Reads on without keeping anything; a caller who never stops is cut off. */
export function discard(request: IncomingMessage): void {
  const timer = setTimeout(() => request.destroy(), DISCARD_MS)
  timer.unref()
  request.once('close', () => clearTimeout(timer))
  request.once('end', () => clearTimeout(timer))
  request.on('error', () => {})
  request.resume()
}

function tooLarge(maxBytes: number): GatewayError {
  const limit = maxBytes >= MEBIBYTE ? `${Math.floor(maxBytes / MEBIBYTE)}MB` : `${maxBytes} bytes`
  return new GatewayError('body_too_large', { message: `Request body too large, limit is ${limit}` })
}
