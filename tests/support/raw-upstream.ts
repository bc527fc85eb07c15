import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen } from '../../apps/server/src/shared/listen.ts'

export interface SeenRequest {
  path: string
  headers: IncomingMessage['headers']
  body: string
}

type Answer = (response: ServerResponse, request: SeenRequest) => void

export interface RawUpstream extends AsyncDisposable {
  /** For an account's `baseUrl`. */
  baseUrl: string
  /** What it was asked, in order. */
  requests: SeenRequest[]
  inFlight(): number
  /** The most requests it ever had at once. */
  maxInFlight(): number
}

/** An upstream that says exactly what the test wants, however odd. */
export async function startRawUpstream(answer: Answer): Promise<RawUpstream> {
  const requests: SeenRequest[] = []
  let inFlight = 0
  let maxInFlight = 0

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    maxInFlight = Math.max(maxInFlight, ++inFlight)
    response.once('close', () => inFlight--)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const seen = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString('utf8') }
    requests.push(seen)
    answer(response, seen)
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  const { port } = await listen(server, '127.0.0.1', 0)
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    inFlight: () => inFlight,
    maxInFlight: () => maxInFlight,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** A small chat answer that says `text`. */
export function chatAnswer(text = 'Hello', members: object = {}): string {
  return JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'sandbox-small',
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    ...members,
  })
}

export function sendJson(response: ServerResponse, body: string, status = 200, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
}
