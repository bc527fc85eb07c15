import type { Role } from '@turnpike/core/words'
import type { WebSocket } from 'ws'
import type { Sessions } from './features/auth/sessions.ts'
import type { ServiceTokens } from './features/tokens/tokens.ts'
import { within } from './shared/deadline.ts'
import type { Identity } from './shared/identity.ts'
import type { Log } from './shared/logger.ts'

const CHECK_MS = 2_000
const TOUCH_MS = 30_000
const QUERY_MS = 3_000

const UNAUTHENTICATED = 4401
const SERVICE_RESTART = 1012

interface SocketSessionsOptions {
  sessions: Sessions
  serviceTokens: Pick<ServiceTokens, 'rolesOfLive' | 'onRevoked'>
  log: Log
  sessionCheckMs?: number
  touchMs?: number
}

/**
 * Open sockets live as long as their sessions: one query for all of them every CHECK_MS (and at once after a
 * revocation here) finds those that ended anywhere. An open socket counts as activity of its session.
 */
export function createSocketSessions(options: SocketSessionsOptions) {
  const { sessions, serviceTokens, log, sessionCheckMs = CHECK_MS, touchMs = TOUCH_MS } = options
  const sockets = new Map<WebSocket, Identity>()
  let isChecking = false
  let touchedAt = performance.now()

  const timer = setInterval(checkSoon, sessionCheckMs)
  timer.unref()
  const stopListening = [sessions.onRevoked(checkSoon), serviceTokens.onRevoked(checkSoon)]

  function add(socket: WebSocket, identity: Identity): void {
    sockets.set(socket, identity)
    socket.once('close', () => sockets.delete(socket))
  }

  function checkSoon(): void {
    if (isChecking || sockets.size === 0) return
    isChecking = true
    check()
      // With the database away nobody can say who is signed in; a later round will.
      .catch((error: unknown) => log.warn({ err: error, sockets: sockets.size }, 'open sockets could not be checked'))
      .finally(() => {
        isChecking = false
      })
  }

  async function check(): Promise<void> {
    const identities = [...sockets.values()]
    const ids = [...new Set(identities.flatMap((each) => (each.kind === 'session' ? each.sessionId : [])))]
    const tokenIds = [...new Set(identities.flatMap((each) => (each.kind === 'token' ? each.tokenId : [])))]
    closeEnded('session', await within(QUERY_MS, sessions.rolesOfLive(ids)), new Set(ids))
    closeEnded('token', await within(QUERY_MS, serviceTokens.rolesOfLive(tokenIds)), new Set(tokenIds))
    if (performance.now() - touchedAt < touchMs) return
    touchedAt = performance.now()
    await within(QUERY_MS, sessions.touch(ids))
  }

  function closeEnded(kind: Identity['kind'], roles: Map<number, Role>, asked: Set<number>): void {
    for (const [socket, identity] of sockets) {
      const id = identity.kind === 'session' ? identity.sessionId : identity.tokenId
      if (identity.kind !== kind || !asked.has(id)) continue
      const present = roles.get(id)
      if (present === undefined) socket.close(UNAUTHENTICATED, `${kind} ended`)
      // Subscriptions were allowed to the role of their beginning.
      else if (present !== identity.role) socket.close(SERVICE_RESTART, 'role changed')
    }
  }

  function close(): void {
    clearInterval(timer)
    for (const stop of stopListening) stop()
  }

  return { add, close }
}
