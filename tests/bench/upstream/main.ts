import { createServer, type Socket } from 'node:net'
import { MODELS } from '../bodies.ts'
import { serveParent } from '../child.ts'
import { jsonAnswer, streamEvents, streamHead } from './canned-answers.ts'

/**
 * An upstream that costs as little as a Node process can, so that it is never what is measured: it reads just enough of a
 * request to find its end and plays canned bytes. Not the sandbox, which thinks about every answer.
 */
const EVENT_MS = 5
const LOOK_CHARS = 400

const answer = jsonAnswer()
const head = streamHead()
const events = streamEvents()

function serve(socket: Socket): void {
  let waiting = ''
  /** Bytes of the body still to come; null = the head is not whole yet. */
  let left: number | null = null
  let timer: NodeJS.Timeout | null = null
  socket.setNoDelay(true)
  socket.on('data', (bytes) => {
    if (left === null) left = takeHead(bytes.toString('latin1'))
    else left -= bytes.length
    if (left === 0) reply()
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => timer && clearInterval(timer))

  function takeHead(text: string): number | null {
    waiting += text
    const end = waiting.indexOf('\r\n\r\n')
    if (end === -1) return null
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(waiting.slice(0, end))?.[1] ?? 0)
    return length - (waiting.length - end - 4)
  }

  function reply(): void {
    const from = waiting.indexOf('\r\n\r\n') + 4
    const body = waiting.slice(from, from + LOOK_CHARS)
    waiting = ''
    left = null
    if (!body.includes('"stream":true')) socket.write(answer)
    else if (body.includes(MODELS.idle)) socket.write(Buffer.concat([head, ...events.slice(0, 2)]))
    else play()
  }

  function play(): void {
    let next = 0
    socket.write(head)
    timer = setInterval(() => {
      const event = events[next++]
      if (event) socket.write(event)
      if (next === events.length && timer) clearInterval(timer)
    }, EVENT_MS)
  }
}

serveParent(createServer(serve))
