import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'

export interface TestProxy extends AsyncDisposable {
  port: number
  /** Where it was asked to lead, `address:port`. */
  asked: string[]
  /** What it was given to authenticate with, `user:password`. */
  credentials: string[]
}

/** An HTTP proxy on loopback that knows CONNECT; `status` other than 200 refuses. */
export function startHttpProxy({ status = 200 }: { status?: number } = {}): Promise<TestProxy> {
  const seen: Seen = { asked: [], credentials: [] }
  const server = createServer()
  server.on('connect', (request, socket: Socket) => {
    seen.asked.push(request.url ?? '')
    const [, encoded] = (request.headers['proxy-authorization'] ?? '').split(' ')
    if (encoded !== undefined) seen.credentials.push(Buffer.from(encoded, 'base64').toString())
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\n\r\n`)
    const [host = '', port = ''] = (request.url ?? '').split(':')
    socket.write('HTTP/1.1 200 Connected\r\n\r\n')
    join(socket, host, Number(port))
  })
  return listening(server, seen)
}

/** A SOCKS 5 proxy on loopback; with `password` it wants one. */
export function startSocksProxy({ password }: { password?: string } = {}): Promise<TestProxy> {
  const seen: Seen = { asked: [], credentials: [] }
  const server = createTcpServer((socket) => {
    void serveSocks(socket, seen, password).catch(() => socket.destroy())
  })
  return listening(server, seen)
}

interface Seen {
  asked: string[]
  credentials: string[]
}

async function serveSocks(socket: Socket, seen: Seen, password: string | undefined): Promise<void> {
  socket.on('error', () => {})
  await chunk(socket)
  if (password === undefined) socket.write(Buffer.from([5, 0]))
  else {
    socket.write(Buffer.from([5, 2]))
    const bytes = await chunk(socket)
    const userLength = bytes.readUInt8(1)
    const given = bytes.toString('utf8', 3 + userLength)
    seen.credentials.push(`${bytes.toString('utf8', 2, 2 + userLength)}:${given}`)
    socket.write(Buffer.from([1, given === password ? 0 : 1]))
    if (given !== password) return void socket.end()
  }
  const request = await chunk(socket)
  const host = [...request.subarray(4, 8)].join('.')
  const port = request.readUInt16BE(8)
  seen.asked.push(`${host}:${port}`)
  socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
  join(socket, host, port)
}

async function chunk(socket: Socket): Promise<Buffer> {
  const next = once(socket, 'data')
  socket.resume()
  const [bytes] = await next
  socket.pause()
  return bytes
}

function join(socket: Socket, host: string, port: number): void {
  const onward = connect(port, host)
  socket.on('error', () => onward.destroy())
  onward.on('error', () => socket.destroy())
  socket.on('close', () => onward.destroy())
  socket.pipe(onward).pipe(socket)
}

async function listening(server: Server, seen: Seen): Promise<TestProxy> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    ...seen,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
