import type { Socket } from 'node:net'
import ipaddr from 'ipaddr.js'
import { ConnectFailure } from './connect-failure.ts'
import type { ProxyServer } from './inspect-proxy.ts'

export interface TunnelEnd {
  /** A literal address, without brackets. */
  address: string
  port: number
}

const VERSION = 5
const NO_AUTHENTICATION = 0
const USER_AND_PASSWORD = 2
const CONNECT = 1
const ADDRESS_BYTES: Record<number, number> = { 1: 4, 4: 16 }
const NAME = 3

/** The client's side of RFC 1928 with RFC 1929, up to the point from which the bytes are the destination's. */
export async function openSocksTunnel(
  socket: Socket,
  { address, port }: TunnelEnd,
  credentials: ProxyServer['credentials'],
): Promise<void> {
  const offered = credentials === null ? [NO_AUTHENTICATION] : [USER_AND_PASSWORD, NO_AUTHENTICATION]
  socket.write(Buffer.from([VERSION, offered.length, ...offered]))
  const [version, method = -1] = await read(socket, 2)
  if (version !== VERSION || !offered.includes(method)) throw refused('no way to authenticate')
  if (method === USER_AND_PASSWORD && credentials !== null) await authenticate(socket, credentials)
  const target = ipaddr.parse(address)
  const family = target.kind() === 'ipv4' ? 1 : 4
  socket.write(Buffer.from([VERSION, CONNECT, 0, family, ...target.toByteArray(), port >> 8, port & 0xff]))
  const [replyVersion, reply, , boundFamily = 0] = await read(socket, 4)
  if (replyVersion !== VERSION || reply !== 0) throw refused(`reply ${reply}`)
  await skipBoundAddress(socket, boundFamily)
}

async function authenticate(socket: Socket, { user, password }: { user: string; password: string }): Promise<void> {
  const parts = [user, password].map((part) => Buffer.from(part))
  socket.write(Buffer.concat([Buffer.from([1]), ...parts.flatMap((part) => [Buffer.from([part.length]), part])]))
  const [, status] = await read(socket, 2)
  if (status !== 0) throw refused('credentials')
}

async function skipBoundAddress(socket: Socket, family: number): Promise<void> {
  const length = family === NAME ? (await read(socket, 1))[0] : ADDRESS_BYTES[family]
  if (length === undefined) throw refused('an unreadable reply')
  await read(socket, length + 2)
}

/** Exactly so many bytes; what follows stays in the socket. */
async function read(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const chunk: Buffer | null = socket.read(bytes)
    if (chunk?.length === bytes) return chunk
    if (chunk !== null || socket.destroyed || socket.readableEnded) throw refused('the connection ended')
    await readable(socket)
  }
}

function readable(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of EVENTS) socket.off(event, done)
      resolve()
    }
    for (const event of EVENTS) socket.on(event, done)
  })
}

const EVENTS = ['readable', 'end', 'close', 'error'] as const

function refused(why: string): ConnectFailure {
  return new ConnectFailure('proxy', { cause: new Error(`the SOCKS proxy refused: ${why}`) })
}
