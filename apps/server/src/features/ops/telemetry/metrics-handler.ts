import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Prometheus } from './prometheus.ts'

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/
const BEARER = /^Bearer\s+(\S+)$/i

/**
 * `GET /metrics`. With a token: for whoever brings it. Without one: for this machine only, and never through a proxy, whose
 * callers may be anybody.
 */
export function createMetricsHandler(prometheus: Pick<Prometheus, 'contentType' | 'text'>, token: string | undefined) {
  const expected = token === undefined ? null : digest(token)

  return async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const status = refusalOf(request)
    if (status !== null) {
      response.writeHead(status, {
        'content-type': 'text/plain',
        ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      })
      return void response.end(status === 401 ? 'A token is required\n' : 'Not found\n')
    }
    const body = await prometheus.text()
    response.writeHead(200, { 'content-type': prometheus.contentType, 'cache-control': 'no-store' })
    response.end(body)
  }

  function refusalOf({ headers, socket }: IncomingMessage): number | null {
    if (expected !== null) {
      const given = BEARER.exec(headers.authorization ?? '')?.[1]
      return given !== undefined && timingSafeEqual(digest(given), expected) ? null : 401
    }
    const isProxied = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined
    return LOOPBACK.test(socket.remoteAddress ?? '') && !isProxied ? null : 404
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
