import { request } from 'node:http'
import type { Socket } from 'node:net'
import { ConnectFailure } from './connect-failure.ts'
import type { ProxyServer } from './inspect-proxy.ts'
import { openSocksTunnel, type TunnelEnd } from './socks5.ts'

const MAX_HEADER_BYTES = 16 * 1024

/** Asks the proxy at the other end of the socket to lead on to `end`. The socket is destroyed where it does not. */
export async function openTunnel(
  socket: Socket,
  proxy: ProxyServer,
  end: TunnelEnd,
  deadline: AbortSignal,
): Promise<void> {
  const abort = () => socket.destroy(deadline.reason)
  deadline.addEventListener('abort', abort, { once: true })
  try {
    if (proxy.kind === 'socks5') await openSocksTunnel(socket, end, proxy.credentials)
    else await openHttpTunnel(socket, end, proxy.credentials)
  } catch (error) {
    socket.destroy()
    throw deadline.aborted ? deadline.reason : error
  } finally {
    deadline.removeEventListener('abort', abort)
  }
}

/** RFC 9110, section 9.3.6. What comes with the answer cannot be the destination's: nobody has spoken to it yet. */
function openHttpTunnel(socket: Socket, { address, port }: TunnelEnd, credentials: ProxyServer['credentials']) {
  const authority = `${address.includes(':') ? `[${address}]` : address}:${port}`
  return new Promise<void>((resolve, reject) => {
    const connect = request({
      method: 'CONNECT',
      path: authority,
      setHost: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      headers: { host: authority, ...(credentials && { 'proxy-authorization': basic(credentials) }) },
      createConnection: () => socket,
    })
    connect.once('error', reject)
    connect.once('connect', ({ statusCode = 0 }, _socket, head) => {
      if (statusCode >= 200 && statusCode < 300 && head.length === 0) resolve()
      else reject(new ConnectFailure('proxy', { cause: new Error(`the proxy answered ${statusCode}`) }))
    })
    connect.end()
  })
}

function basic({ user, password }: { user: string; password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
