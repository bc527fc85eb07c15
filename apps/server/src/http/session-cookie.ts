import type { IncomingHttpHeaders } from 'node:http'

const NAME = 'turnpike_session'
const SECURE_NAME = `__Host-${NAME}`

/** The session token a request carries; over https only the `__Host-` cookie counts, which no other host can set. */
export function readSessionCookie(headers: IncomingHttpHeaders, isSecure: boolean): string | null {
  const name = isSecure ? SECURE_NAME : NAME
  for (const pair of (headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return null
}

/** Set-Cookie for a new session, or (null) for its removal. */
export function writeSessionCookie(
  session: { token: string; expiresAt: Date } | null,
  { isSecure, nowMs }: { isSecure: boolean; nowMs: number },
): string {
  const maxAge = session ? Math.max(0, Math.floor((session.expiresAt.getTime() - nowMs) / 1000)) : 0
  const name = isSecure ? SECURE_NAME : NAME
  const flags = `Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`
  return `${name}=${session?.token ?? ''}; ${flags}; Max-Age=${maxAge}`
}
