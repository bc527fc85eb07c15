import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'
import { serveParent } from './child.ts'

/**
 * The yardstick: the cheapest honest relay in Node. `node:http` in, undici's `dispatch` out, back-pressure both ways, abort
 * when the client leaves; no keys, no limits, no journal.
 */
const RELAYED = ['content-type', 'content-length', 'x-request-id', 'openai-version']

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, {
  connections: 10_000,
  pipelining: 1,
  keepAliveTimeout: 60_000,
  headersTimeout: 0,
  bodyTimeout: 0,
})

class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  #controller: Dispatcher.DispatchController | null = null
  #isPaused = false

  constructor(response: ServerResponse) {
    this.#response = response
  }

  abort(): void {
    if (this.#response.writableFinished || this.#controller?.aborted !== false) return
    this.#controller.abort(new Error('the client has left'))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    const relayed: Record<string, string> = {}
    for (const name of RELAYED) {
      const value = headers[name]
      if (typeof value === 'string') relayed[name] = value
    }
    this.#response.writeHead(status, relayed)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#response.write(chunk) || this.#isPaused) return
    this.#isPaused = true
    controller.pause()
    this.#response.once('drain', () => {
      this.#isPaused = false
      controller.resume()
    })
  }

  onResponseEnd(): void {
    this.#response.end()
  }

  onResponseError(): void {
    if (!this.#response.headersSent) this.#response.writeHead(502)
    this.#response.end()
  }
}

type Headers = Record<string, string | string[] | undefined>

function serve(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const relay = new Relay(response)
    response.on('close', () => relay.abort())
    const [only] = chunks
    const body = chunks.length === 1 && only ? only : Buffer.concat(chunks)
    const headers = { 'content-type': 'application/json', authorization: 'Bearer bench' }
    pool.dispatch({ path: request.url ?? '/', method: 'POST', headers, body }, relay)
  })
}

serveParent(createServer(serve))
