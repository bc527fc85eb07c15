import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { buildConnector } from 'undici'
import type { Destination } from './check-url.ts'
import { asConnectFailure, ConnectFailure } from './connect-failure.ts'
import type { ProxyServer } from './inspect-proxy.ts'
import { createTlsOpener, openTcp } from './open-socket.ts'
import { openTunnel } from './tunnel.ts'

export interface ConnectOptions {
  destination: Destination
  /** The way there; null = directly. */
  proxy: ProxyServer | null
  /** The allowed addresses of the destination; throws an EgressError. */
  resolveAllowed: (destination: Destination) => Promise<string[]>
  /** For everything: names, TCP, tunnel and TLS. */
  connectMs: number
  /** Ends the attempts under way. */
  signal: AbortSignal
  /** What is offered inside TLS; HTTP/1.1 unless told otherwise. */
  protocols?: readonly string[]
}

const MAX_ADDRESSES = 8

/**
 * The connector of a pool: whatever undici asks for, it leads to the pool's own destination. The name is resolved and judged for
 * every new connection, only an address judged is dialled, and the peer is compared with them before a byte is written.
 * A proxy is told the address that was judged, never the name: it must not look up for itself where it leads.
 */
export function createConnector(options: ConnectOptions): buildConnector.connector {
  const open = createOpener(options)
  return function connector(_asked, callback) {
    open().then(
      (socket) => callback(null, socket),
      (error) => callback(error, null),
    )
  }
}

/** Opens one connection after the other to the same destination, each judged anew. Rejects with a ConnectFailure. */
export function createOpener(options: ConnectOptions): () => Promise<Socket | TLSSocket> {
  const { destination, proxy, resolveAllowed, connectMs, signal, protocols = ['http/1.1'] } = options
  const openTls = createTlsOpener(destination, protocols)
  const openTlsToProxy = proxy && createTlsOpener(proxy.destination)
  return open

  async function open(): Promise<Socket | TLSSocket> {
    const attempt = new AbortController()
    const stop = () => attempt.abort(new ConnectFailure('unreachable', { cause: signal.reason }))
    const overdue = setTimeout(() => attempt.abort(new ConnectFailure('timeout')), connectMs)
    signal.addEventListener('abort', stop)
    try {
      if (signal.aborted) stop()
      const deadline = attempt.signal
      const addresses = await allowed(destination, deadline)
      const socket =
        proxy === null
          ? await openTcp(destination, addresses, { connectMs, deadline })
          : await openThrough(proxy, addresses, deadline)
      return destination.isTls ? await openTls(socket, deadline) : socket
    } finally {
      clearTimeout(overdue)
      signal.removeEventListener('abort', stop)
    }
  }

  async function openThrough(
    via: ProxyServer,
    [address = '']: readonly string[],
    deadline: AbortSignal,
  ): Promise<Socket> {
    try {
      const judged = await allowed(via.destination, deadline)
      const tcp = await openTcp(via.destination, judged, { connectMs, deadline })
      const socket = via.destination.isTls && openTlsToProxy ? await openTlsToProxy(tcp, deadline) : tcp
      await openTunnel(socket, via, { address, port: destination.port }, deadline)
      return socket
    } catch (error) {
      throw asProxyFailure(error)
    }
  }

  async function allowed(of: Destination, deadline: AbortSignal): Promise<string[]> {
    try {
      return (await unlessAborted(resolveAllowed(of), deadline)).slice(0, MAX_ADDRESSES)
    } catch (error) {
      throw asConnectFailure(error, 'tcp')
    }
  }
}

/** What stopped us at the proxy says nothing of the destination behind it. */
function asProxyFailure(error: unknown): ConnectFailure {
  const failure = asConnectFailure(error, 'tcp')
  const isTold = failure.code === 'timeout' || failure.code === 'unsafe_destination'
  return isTold ? failure : new ConnectFailure('proxy', { cause: error })
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.finally(() => signal.removeEventListener('abort', abort)).then(resolve, reject)
  })
}
