import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'

export interface Listener extends AsyncDisposable {
  port: number
  /** How many connections were ever made to it. */
  connections(): number
}

const greet: RequestListener = (request, response) => response.end(`hello ${request.headers.host}`)

/** An HTTP server on loopback. */
export function listenHttp(answer: RequestListener = greet): Promise<Listener> {
  return listen(createServer(answer))
}

export function listenHttps(options: TlsOptions, answer: RequestListener = greet): Promise<Listener> {
  return listen(createTlsServer(options, answer))
}

/** A TCP server that hands every connection over and says nothing of its own. */
export function listenTcp(onConnection: (socket: Socket) => void = () => {}): Promise<Listener> {
  return listen(createTcpServer(onConnection))
}

async function listen(server: Server): Promise<Listener> {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
