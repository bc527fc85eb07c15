import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

export interface UpgradeRefusal {
  status: 403 | 404 | 426 | 429 | 503
}

const FLUSH_MS = 1_000

// Codex tries a WebSocket first and falls back to HTTP at once on exactly this status.
const USE_HTTP = {
  error: {
    message: 'Use HTTP for this endpoint',
    type: 'invalid_request_error',
    param: null,
    code: 'websocket_not_supported',
  },
}

/** Answers an upgrade with a plain HTTP status and hangs up. */
export function refuseUpgrade(socket: Duplex, { status }: UpgradeRefusal): void {
  const body = status === 426 ? JSON.stringify(USE_HTTP) : `${STATUS_CODES[status]}\n`
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    `Content-Type: ${status === 426 ? 'application/json' : 'text/plain; charset=utf-8'}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...EXTRA_HEADERS[status],
  ]
  const hangUp = setTimeout(() => socket.destroy(), FLUSH_MS)
  socket.once('close', () => clearTimeout(hangUp))
  socket.once('finish', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

const EXTRA_HEADERS: Record<UpgradeRefusal['status'], string[]> = {
  403: [],
  404: [],
  // RFC 9110 15.5.22: the answer names what to speak instead.
  426: ['Upgrade: HTTP/1.1', 'x-should-retry: false'],
  429: ['Retry-After: 5'],
  503: ['Retry-After: 5'],
}
