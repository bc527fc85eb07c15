import type { IncomingMessage } from 'node:http'
import { Refusal } from './refusal.ts'

const MAX_BODY_BYTES = 256 * 2 ** 20

/** The body as text. Rejects with a Refusal when it is too large, and when the client leaves before its end. */
export function readBody(req: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= MAX_BODY_BYTES) chunks.push(chunk)
      else reject(new Refusal(413, 'body_too_large', 'Request body too large'))
    })
    req.on('end', () => resolve((chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))?.toString() ?? ''))
    req.on('error', reject)
    req.on('close', () => reject(new Error('The client left before the end of its request')))
  })
}
