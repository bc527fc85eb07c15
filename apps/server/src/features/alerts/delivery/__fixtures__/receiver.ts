import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Received {
  path: string
  headers: Record<string, string>
  body: string
}

/** What a receiver does with a request; `cut` and `silence` give no answer. */
export type Behaviour =
  | { status: number; headers?: Record<string, string>; body?: string }
  | 'cut'
  | 'silence'
  | Promise<{ status: number }>

export interface Receiver extends AsyncDisposable {
  port: number
  url: string
  received: Received[]
  connections(): number
}

/** A webhook receiver on loopback. `behave` is asked anew for every request, with how many came before. */
export async function startReceiver(behave: (nth: number) => Behaviour = () => ({ status: 204 })): Promise<Receiver> {
  const received: Received[] = []
  let connections = 0
  const server = createServer((request, response) => {
    void text(request).then(async (body) => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
      received.push({ path: request.url ?? '', headers, body })
      const behaviour = await behave(received.length - 1)
      if (behaviour === 'silence') return
      if (behaviour === 'cut') return void request.socket.destroy()
      const { status, headers: sent = {}, body: answer = '' } = { headers: {}, body: '', ...behaviour }
      response.writeHead(status, sent).end(answer)
    })
  })
  server.on('connection', (socket) => {
    connections += 1
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}/hook`,
    received,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
