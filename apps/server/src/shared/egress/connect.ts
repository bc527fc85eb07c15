import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { buildConnector } from 'undici'
import type { Destination } from './check-url.ts'
import { normalizeAddress } from './classify-address.ts'
import { asConnectFailure, ConnectFailure } from './connect-failure.ts'
import { EgressError } from './egress-error.ts'

export interface ConnectOptions {
  destination: Destination
  /** The allowed addresses of the destination; throws an EgressError. */
  resolveAllowed: (destination: Destination) => Promise<string[]>
  /** For everything: name, TCP and TLS. */
  connectMs: number
  /** Ends the attempts under way. */
  signal: AbortSignal
}

const TCP_KEEP_ALIVE_MS = 60_000
/** An address that does not answer gives way to the next one after this long. */
const ATTEMPT_MS = 1_000
const MAX_ADDRESSES = 8

/**
 * The connector of a pool: whatever undici asks for, it leads to the pool's own destination. The name is resolved and judged for
 * every new connection, only an address judged is dialled, and the peer is compared with them before a byte is written.
 */
export function createConnector({
  destination,
  resolveAllowed,
  connectMs,
  signal,
}: ConnectOptions): buildConnector.connector {
  let session: Buffer | undefined

  return function connector(_asked, callback) {
    open().then(
      (socket) => callback(null, socket),
      (error) => callback(error, null),
    )
  }

  async function open(): Promise<Socket | TLSSocket> {
    const attempt = new AbortController()
    const stop = () => attempt.abort(new ConnectFailure('unreachable', { cause: signal.reason }))
    const overdue = setTimeout(() => attempt.abort(new ConnectFailure('timeout')), connectMs)
    signal.addEventListener('abort', stop)
    try {
      if (signal.aborted) stop()
      const tcp = await openTcp(attempt.signal)
      return destination.isTls ? await openTls(tcp, attempt.signal) : tcp
    } finally {
      clearTimeout(overdue)
      signal.removeEventListener('abort', stop)
    }
  }

  async function openTcp(deadline: AbortSignal): Promise<Socket> {
    try {
      const addresses = (await unlessAborted(resolveAllowed(destination), deadline)).slice(0, MAX_ADDRESSES)
      const socket = connectTcp({
        host: destination.host,
        port: destination.port,
        lookup: pinned(addresses),
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: Math.max(10, Math.min(ATTEMPT_MS, Math.floor(connectMs / addresses.length))),
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      })
      await opened(socket, 'connect', deadline)
      assertPeerOf(socket, addresses)
      return socket
    } catch (error) {
      throw asConnectFailure(error, 'tcp')
    }
  }

  async function openTls(tcp: Socket, deadline: AbortSignal): Promise<TLSSocket> {
    try {
      const socket = connectTls({
        socket: tcp,
        host: destination.host,
        ...(destination.kind === 'literal' ? {} : { servername: destination.host }),
        ALPNProtocols: ['http/1.1'],
        // Said out loud, so that NODE_TLS_REJECT_UNAUTHORIZED cannot say otherwise.
        rejectUnauthorized: true,
        session,
      })
      socket.on('session', (fresh) => {
        session = fresh
      })
      await opened(socket, 'secureConnect', deadline)
      return socket
    } catch (error) {
      session = undefined
      tcp.destroy()
      throw asConnectFailure(error, 'tls')
    }
  }
}

/** Stands in for the system's look-up: the answer is what was judged, whatever is asked. */
function pinned(addresses: readonly string[]): LookupFunction {
  const answers = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  return function lookup(_name, options, callback) {
    const [first] = answers
    if (options.all || first === undefined) callback(null, answers)
    else callback(null, first.address, first.family)
  }
}

function assertPeerOf(socket: Socket, addresses: readonly string[]): void {
  try {
    assertPeer(socket.remoteAddress, addresses)
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Throws unless the peer is one of the addresses judged. */
export function assertPeer(peer: string | undefined, addresses: readonly string[]): void {
  const address = normalizeAddress(peer ?? '')
  const isJudged = address !== null && addresses.some((judged) => normalizeAddress(judged) === address)
  if (!isJudged) throw new EgressError('peer_mismatch')
}

/** Resolves when the socket is open. A socket that is not is destroyed; late errors of it interest nobody any more. */
function opened(socket: Socket, event: 'connect' | 'secureConnect', deadline: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => socket.destroy(deadline.reason)
    if (deadline.aborted) abort()
    deadline.addEventListener('abort', abort, { once: true })
    socket.once(event, () => {
      deadline.removeEventListener('abort', abort)
      resolve()
    })
    socket.on('error', (error) => {
      deadline.removeEventListener('abort', abort)
      reject(error)
    })
    socket.once('close', () => reject(new ConnectFailure('unreachable')))
  })
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.finally(() => signal.removeEventListener('abort', abort)).then(resolve, reject)
  })
}
