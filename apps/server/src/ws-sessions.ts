import type { Role } from '@turnpike/core/words'
import type { WebSocket } from 'ws'
import type { Sessions } from './features/auth/sessions.ts'
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
  log: Log
  sessionCheckMs?: number
  touchMs?: number
}

/**
 * Open sockets live as long as their sessions: one query for all of them every CHECK_MS (and at once after a
 * revocation here) finds those that ended anywhere. An open socket counts as activity of its session.
 */
export function createSocketSessions(options: SocketSessionsOptions) {
  const { sessions, log, sessionCheckMs = CHECK_MS, touchMs = TOUCH_MS } = options
  const sockets = new Map<WebSocket, { sessionId: number; role: Role }>()
  let isChecking = false
  let touchedAt = performance.now()

  const timer = setInterval(checkSoon, sessionCheckMs)
  timer.unref()
  const stopListening = sessions.onRevoked(checkSoon)

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
    const ids = [...new Set([...sockets.values()].map(({ sessionId }) => sessionId))]
    closeEnded(await within(QUERY_MS, sessions.rolesOfLive(ids)), new Set(ids))
    if (performance.now() - touchedAt < touchMs) return
    touchedAt = performance.now()
    await within(QUERY_MS, sessions.touch(ids))
  }

  function closeEnded(roles: Map<number, Role>, asked: Set<number>): void {
    for (const [socket, { sessionId, role }] of sockets) {
      if (!asked.has(sessionId)) continue
      const present = roles.get(sessionId)
      if (present === undefined) socket.close(UNAUTHENTICATED, 'session ended')
      // Subscriptions were allowed to the role of their beginning.
      else if (present !== role) socket.close(SERVICE_RESTART, 'role changed')
    }
  }

  function close(): void {
    clearInterval(timer)
    stopListening()
  }

  return { add, close }
}
