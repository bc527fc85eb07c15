import { connect } from 'node:net'

export interface RawAnswer {
  /** Status line and headers, as they came. */
  head: string
  /** Everything after the first blank line, chunk framing included. */
  rest: Buffer
  /** Data events of the socket, one per read. */
  reads: Buffer[]
  ending: 'fin' | 'rst' | 'still open'
}

interface RawOptions {
  port: number
  path?: string
  body: unknown
  key?: string
  /** Stop listening after this long, or once so many bytes came: for answers that do not end. */
  patienceMs?: number
  maxBytes?: number
}

/** Sends one request on a socket of its own and reports every byte and how the connection ended. */
export function rawRequest(options: RawOptions): Promise<RawAnswer> {
  const { port, path = '/v1/chat/completions', body, key = 'k', patienceMs = 5_000, maxBytes = 64 * 2 ** 20 } = options
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const reads: Buffer[] = []
    let size = 0
    let ending: RawAnswer['ending'] = 'still open'
    const timer = setTimeout(finish, patienceMs)

    function finish(): void {
      clearTimeout(timer)
      socket.destroy()
      const all = Buffer.concat(reads)
      const at = all.indexOf('\r\n\r\n')
      resolve({ head: all.subarray(0, Math.max(at, 0)).toString(), rest: all.subarray(at + 4), reads, ending })
    }

    socket.on('data', (data) => {
      reads.push(data)
      size += data.length
      if (size >= maxBytes) finish()
    })
    socket.on('end', () => {
      ending = 'fin'
      finish()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET') return reject(error)
      ending = 'rst'
      finish()
    })
    const payload = JSON.stringify(body)
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: sandbox\r\nauthorization: Bearer ${key}\r\nconnection: close\r\n` +
        `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`,
    )
  })
}

/** The body without its chunk framing, as far as it came; `isComplete` = the final chunk was there. */
export function unchunk(rest: Buffer): { body: Buffer; isComplete: boolean } {
  const parts: Buffer[] = []
  let at = 0
  while (at < rest.length) {
    const lineEnd = rest.indexOf('\r\n', at)
    if (lineEnd === -1) break
    const size = Number.parseInt(rest.subarray(at, lineEnd).toString(), 16)
    if (size === 0) return { body: Buffer.concat(parts), isComplete: true }
    parts.push(rest.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
  return { body: Buffer.concat(parts), isComplete: false }
}
