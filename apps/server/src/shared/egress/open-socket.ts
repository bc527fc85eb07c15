import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Destination } from './check-url.ts'
import { normalizeAddress } from './classify-address.ts'
import { asConnectFailure, ConnectFailure } from './connect-failure.ts'
import { EgressError } from './egress-error.ts'

const TCP_KEEP_ALIVE_MS = 60_000
/** An address that does not answer gives way to the next one after this long. */
const ATTEMPT_MS = 1_000

/** A connection to one of the addresses, all of them judged; its peer is compared with them before a byte is written. */
export async function openTcp(
  { host, port }: Pick<Destination, 'host' | 'port'>,
  addresses: readonly string[],
  { connectMs, deadline }: { connectMs: number; deadline: AbortSignal },
): Promise<Socket> {
  try {
    const socket = connectTcp({
      host,
      port,
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

/** Speaks TLS to one destination over connections that stand; later ones resume the session of the first. */
export function createTlsOpener({ host, kind }: Destination, protocols: readonly string[] = ['http/1.1']) {
  let session: Buffer | undefined

  return async function openTls(tcp: Socket, deadline: AbortSignal): Promise<TLSSocket> {
    try {
      const socket = connectTls({
        socket: tcp,
        host,
        ...(kind === 'literal' ? {} : { servername: host }),
        ...(protocols.length > 0 && { ALPNProtocols: [...protocols] }),
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
