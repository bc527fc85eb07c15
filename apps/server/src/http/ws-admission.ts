import type { IncomingMessage } from 'node:http'
import type { ClientAddress } from './client-address.ts'
import type { OriginRules } from './origin-rules.ts'
import { readSessionCookie } from './session-cookie.ts'
import type { UpgradeRefusal } from './upgrade-refusal.ts'

const RESPONSES_PATHS = new Set(['/v1/responses', '/responses', '/openai/v1/responses'])

/**
 * For `shouldUpgradeCallback`: other protocols' offers are ignored, as HTTP allows. Java's client and `curl --http2` offer
 * h2c with ordinary requests, which would else never be answered as such.
 */
export function isWebSocketUpgrade({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/** What is known of a socket before it speaks. */
export interface Peer {
  ip: string
  userAgent: string | null
  /** Null where there is none, or none that counts. */
  cookieToken: string | null
  /** Single-use, as `?token=`. */
  urlTicket: string | null
}

export interface WsAdmissionOptions {
  rules: OriginRules
  clientAddress: ClientAddress
  isSecure(request: IncomingMessage): boolean
  /** Whether this peer's X-Forwarded-Host counts for the origin check. */
  isOriginProxy(address: string | undefined): boolean
  originPolicy: 'strict' | 'permissive'
  maxConns: number
  maxConnsPerIp: number
}

export type Admission = ReturnType<typeof createWsAdmission>

/** Decides before the upgrade who gets a socket, and counts those who have one. */
export function createWsAdmission(options: WsAdmissionOptions) {
  const { rules, clientAddress, isSecure, isOriginProxy, originPolicy, maxConns, maxConnsPerIp } = options
  const openByIp = new Map<string, number>()
  let open = 0

  function admit(request: IncomingMessage): Peer | UpgradeRefusal {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2)
    if (RESPONSES_PATHS.has(path)) return { status: 426 }
    if (path !== '/trpc') return { status: 404 }
    const { headers } = request
    if (!rules.isAllowedHost(headers.host)) return { status: 403 }
    const standing = rules.standingOf(headers.origin, requestedHost(request))
    if (standing === 'refused') return { status: 403 }
    // A browser always names its origin: a cookie without one was put there by something else.
    if (standing === 'absent' && headers.cookie !== undefined && originPolicy === 'strict') return { status: 403 }
    const ip = clientAddress(request)
    if (open >= maxConns) return { status: 503 }
    if ((openByIp.get(ip) ?? 0) >= maxConnsPerIp) return { status: 429 }
    return {
      ip,
      userAgent: headers['user-agent'] ?? null,
      cookieToken: standing === 'foreign' ? null : readSessionCookie(headers, isSecure(request)),
      urlTicket: new URLSearchParams(query).get('token'),
    }
  }

  /** Counts an open socket; returns what to call when it is gone. */
  function enter({ ip }: Peer): () => void {
    open += 1
    openByIp.set(ip, (openByIp.get(ip) ?? 0) + 1)
    return () => {
      open -= 1
      const left = (openByIp.get(ip) ?? 1) - 1
      if (left === 0) openByIp.delete(ip)
      else openByIp.set(ip, left)
    }
  }

  function requestedHost({ headers, socket }: IncomingMessage): string | undefined {
    const forwarded = headers['x-forwarded-host']
    return typeof forwarded === 'string' && isOriginProxy(socket.remoteAddress) ? forwarded : headers.host
  }

  return { admit, enter }
}
