import { connect, type Socket } from 'node:net'
import { FIRST_TOKEN } from '../upstream/canned-answers.ts'

const ANSWER_MS = 20_000
const TAIL_CHARS = 80

export interface Answer {
  isWhole: boolean
  totalMs: number
  firstMs: number
}

/** One kept-alive connection on a raw socket: a client that costs less than what it measures. One request at a time. */
export interface Connection {
  ask(request: Buffer): Promise<Answer>
  /** Resolves with the stream's first token in hand; the stream goes on. */
  begin(request: Buffer): Promise<void>
  close(): void
}

interface Pending {
  resolve(answer: Answer): void
  onFirst?: () => void
  startedAt: number
  firstAt: number | null
  head: string | null
  /** Bytes of the body still to come; null = chunked. */
  left: number | null
  tail: string
  isOk: boolean
}

export function openConnection(port: number): Connection {
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let pending: Pending | null = null
  socket.setTimeout(ANSWER_MS, () => pending && socket.destroy())
  socket.on('data', onData)
  socket.on('error', () => socket.destroy())
  socket.on('close', () => finish(false))

  function onData(bytes: Buffer): void {
    if (pending === null) return
    if (pending.head === null || !pending.head.endsWith('\r\n\r\n')) readHead(pending, bytes.toString('latin1'))
    else readBody(pending, bytes.length, pending.left === null ? bytes.toString('latin1') : '')
  }

  function readHead(answer: Pending, text: string): void {
    const read = (answer.head ?? '') + text
    const end = read.indexOf('\r\n\r\n') + 4
    if (end === 3) {
      answer.head = read
      return
    }
    answer.head = read.slice(0, end)
    answer.isOk = answer.head.startsWith('HTTP/1.1 200 ')
    const length = /\r\ncontent-length: *(\d+)/i.exec(answer.head)?.[1]
    answer.left = length === undefined ? null : Number(length)
    if (read.length > end) readBody(answer, read.length - end, read.slice(end))
  }

  function readBody(answer: Pending, length: number, text: string): void {
    if (answer.left !== null) {
      answer.firstAt ??= performance.now()
      answer.left -= length
      if (answer.left <= 0) finish(answer.isOk && answer.left === 0)
      return
    }
    if (answer.firstAt === null && text.includes(FIRST_TOKEN)) {
      answer.firstAt = performance.now()
      answer.onFirst?.()
    }
    answer.tail = (answer.tail + text).slice(-TAIL_CHARS)
    if (answer.tail.endsWith('\r\n0\r\n\r\n')) finish(answer.isOk && answer.tail.includes('data: [DONE]\n'))
  }

  function finish(isWhole: boolean): void {
    if (pending === null) return
    const { startedAt, firstAt, resolve } = pending
    pending = null
    const now = performance.now()
    resolve({ isWhole, totalMs: now - startedAt, firstMs: (firstAt ?? now) - startedAt })
  }

  function send(request: Buffer, resolve: Pending['resolve'], onFirst?: () => void): void {
    socket.write(request)
    const startedAt = performance.now()
    pending = { resolve, onFirst, startedAt, firstAt: null, head: null, left: null, tail: '', isOk: false }
    if (socket.destroyed) finish(false)
  }

  return {
    ask: (request) => new Promise((resolve) => send(request, resolve)),
    begin: (request) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      send(request, () => reject(new Error('A stream ended before it began')), resolve)
      return promise
    },
    close: () => void socket.destroy(),
  }
}
