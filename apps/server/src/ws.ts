import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { applyWSSHandler, type CreateWSSContextFnOptions } from '@trpc/server/adapters/ws'
import { type WebSocket, WebSocketServer } from 'ws'
import { report } from './http/trpc-handler.ts'
import { refuseUpgrade, type UpgradeRefusal } from './http/upgrade-refusal.ts'
import type { Admission, Peer } from './http/ws-admission.ts'
import { appRouter } from './router.ts'
import type { Services } from './services.ts'
import { AppError } from './shared/app-error.ts'
import type { Identity } from './shared/identity.ts'
import type { Log } from './shared/logger.ts'
import type { Context } from './trpc.ts'
import { createSocketSessions } from './ws-sessions.ts'

const MAX_FRAME_BYTES = 64 * 1024
const PING_MS = 30_000
const DEAD_MS = 60_000
const FIRST_MESSAGE_MS = 5_000
const CLOSE_GRACE_MS = 1_000
const MAX_BATCH = 50
/** What one socket may have running at once. */
const MAX_PLACES = { call: 100, subscription: 20 }

/** Unsent bytes from which a subscriber is skipped, and from which he is cut off. */
const SLOW_BYTES = 256 * 1024
const HOPELESS_BYTES = 8 * 1024 * 1024

const UNAUTHENTICATED = 4401
const SERVICE_RESTART = 1012

export interface SocketsOptions {
  services: Services
  admission: Admission
  log: Log
  timings?: SocketTimings
}

/** Milliseconds; shorter in tests. */
export interface SocketTimings {
  /** How often the sessions of open sockets are looked at. */
  sessionCheckMs?: number
  /** How often an open socket counts as activity of its session. */
  touchMs?: number
  firstMessageMs?: number
  pingMs?: number
  /** Silence after which a peer is dead; longer than `pingMs`. */
  deadMs?: number
}

/** tRPC over WebSocket. `upgrade` takes the server's upgrade events; `close` sends everybody away to come again. */
export function createSockets({ services, admission, log, timings = {} }: SocketsOptions) {
  const { firstMessageMs = FIRST_MESSAGE_MS, pingMs = PING_MS, deadMs = DEAD_MS } = timings
  const wss = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES, perMessageDeflate: false })
  const live = createSocketSessions({
    sessions: services.sessions,
    serviceTokens: services.serviceTokens,
    log,
    ...timings,
  })
  const peers = new WeakMap<IncomingMessage, Peer>()
  const greetings = new WeakMap<WebSocket, NodeJS.Timeout>()
  let isClosing = false

  const trpc = applyWSSHandler({
    wss,
    router: appRouter,
    createContext,
    keepAlive: { enabled: true, pingMs, pongWaitMs: deadMs - pingMs },
    maxBatchSize: MAX_BATCH,
    onError: ({ error, path, ctx }) => report(log, error, { requestId: ctx?.requestId, procedure: path }),
  })

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    const verdict: Peer | UpgradeRefusal = isClosing ? { status: 503 } : admission.admit(request)
    if ('status' in verdict) {
      refuseUpgrade(socket, verdict)
      return
    }
    peers.set(request, verdict)
    wss.handleUpgrade(request, socket, head, (client) => welcome(client, request, verdict))
  }

  function welcome(client: WebSocket, request: IncomingMessage, peer: Peer): void {
    const leave = admission.enter(peer)
    const tooLate = setTimeout(() => client.close(UNAUTHENTICATED, 'no token in time'), firstMessageMs)
    greetings.set(client, tooLate)
    client.once('close', () => {
      clearTimeout(tooLate)
      leave()
    })
    client.on('message', () => {
      if (client.bufferedAmount > HOPELESS_BYTES) client.terminate()
    })
    // Without a cookie the token comes as the first message, whether or not the address announces it.
    if (peer.cookieToken === null && peer.urlTicket === null) request.url = '/trpc?connectionParams=1'
    wss.emit('connection', client, request)
  }

  async function createContext({ req, res: client, info }: CreateWSSContextFnOptions): Promise<Context> {
    const peer = peers.get(req)
    const identity = peer ? await identify(peer, info.connectionParams?.token ?? null) : null
    if (!peer || !identity) {
      // After the adapter has told the client why.
      setImmediate(() => client.close(UNAUTHENTICATED, 'sign in first'))
      throw new AppError('unauthenticated')
    }
    clearTimeout(greetings.get(client))
    live.add(client, identity)
    return contextOf(services, client, peer, identity)
  }

  // A token that is given must be good: it is not replaced by the cookie.
  async function identify(peer: Peer, firstMessageToken: string | null): Promise<Identity | null> {
    if (peer.urlTicket === null && firstMessageToken?.startsWith('tps_')) {
      return services.serviceTokens.findByToken(firstMessageToken)
    }
    const ticket = peer.urlTicket ?? firstMessageToken
    if (ticket !== null) {
      const sessionId = services.tickets.redeem(ticket)
      return sessionId === null ? null : services.sessions.findById(sessionId)
    }
    return peer.cookieToken === null ? null : services.sessions.findByToken(peer.cookieToken)
  }

  /** Refuses newcomers, asks everybody to reconnect, and is done when the last socket is gone (at most a second). */
  async function close(): Promise<void> {
    isClosing = true
    trpc.broadcastReconnectNotification()
    const gone = [...wss.clients].map((client) => new Promise<void>((resolve) => client.once('close', () => resolve())))
    for (const client of wss.clients) client.close(SERVICE_RESTART, 'restarting')
    const grace = setTimeout(() => {
      for (const client of wss.clients) client.terminate()
    }, CLOSE_GRACE_MS)
    await Promise.all(gone)
    clearTimeout(grace)
    live.close()
    wss.close()
  }

  return { upgrade, close, openSockets: () => wss.clients.size }
}

function contextOf(services: Services, client: WebSocket, peer: Peer, identity: Identity): Context {
  const taken = { call: 0, subscription: 0 }
  return {
    requestId: randomUUID(),
    transport: 'ws',
    clientIp: peer.ip,
    userAgent: peer.userAgent,
    authenticate: () => present(services, identity),
    // A socket cannot set cookies; its session ends on the server all the same.
    setSessionCookie() {},
    isSlow: () => client.bufferedAmount > SLOW_BYTES,
    occupy(place) {
      if (taken[place] >= MAX_PLACES[place]) throw new AppError('too_many_attempts', { message: 'Too much at once' })
      taken[place] += 1
      return () => {
        taken[place] -= 1
      }
    },
    services,
  }
}

/** The caller as he is now; null = his session or token has ended. */
function present(services: Services, identity: Identity): Promise<Identity | null> {
  return identity.kind === 'session'
    ? services.sessions.findById(identity.sessionId)
    : services.serviceTokens.findById(identity.tokenId)
}
