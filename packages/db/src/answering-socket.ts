import { connect, type Socket } from 'node:net'

/** What the PostgreSQL client hands to whoever makes its sockets. */
export interface SocketPlace {
  host: string[]
  port: number[]
  /** A Unix socket instead. */
  path?: string | false
}

const LOOKS = 4

/**
 * A socket that gives up when the server owes an answer and has been silent for `silentMs`. The client has no such limit:
 * a query sent to a machine that froze or vanished would hang for the quarter of an hour TCP takes to notice, and with it
 * its place in the pool. Under TLS it sees nothing after the handshake and leaves the connection alone.
 */
export function answeringSocket(
  { host: [host = 'localhost'], port: [port = 5432], path }: SocketPlace,
  silentMs: number,
) {
  const socket = path ? connect(path) : connect(port, host)
  let answeredBytes = 0
  let silentLooks = 0
  socket.on('data', () => {
    answeredBytes = socket.bytesWritten
    silentLooks = 0
  })
  // Once connected it closes, but never fails: the client loses for ever what it sends between `error` and `close`.
  const destroy = socket.destroy.bind(socket)
  socket.once('connect', () => {
    socket.destroy = () => destroy()
  })
  const timer = setInterval(look, silentMs / LOOKS)
  timer.unref()

  function look(): void {
    if (socket.destroyed) return clearInterval(timer)
    silentLooks = socket.bytesWritten > answeredBytes ? silentLooks + 1 : 0
    if (silentLooks > LOOKS) socket.destroy()
  }

  // The client wants them for the name it expects in a certificate.
  return Object.assign<Socket, { host: string; port: number }>(socket, { host, port })
}
