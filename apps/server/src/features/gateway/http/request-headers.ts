import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

const FORWARDED = [
  'accept',
  'accept-language',
  'user-agent',
  'openai-beta',
  'idempotency-key',
  'openai-organization',
  'openai-project',
] as const
const SESSION_HEADERS = ['session_id', 'session-id', 'conversation_id', 'x-session-id'] as const
const MAX_SESSION_CHARS = 256
const MAX_USER_AGENT_CHARS = 512
const MAX_TRACE_PARENT_CHARS = 256
const KEY_PARAMETERS = new Set(['api_key', 'apikey', 'key', 'token', 'access_token'])

/** The caller's headers that may go upstream; all others stay here. */
export function forwardedHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const forwarded: Record<string, string> = {}
  for (const name of FORWARDED) {
    const value = headers[name]
    if (typeof value === 'string') forwarded[name] = value
  }
  return forwarded
}

/** The key as presented: `Authorization: Bearer`, `x-api-key` or `api-key`; null = none. */
export function presentedKey(headers: IncomingHttpHeaders): string | null {
  const { authorization } = headers
  if (authorization !== undefined) {
    const isBearer = authorization.slice(0, 7).toLowerCase() === 'bearer '
    return isBearer ? authorization.slice(7).trim() : authorization.trim()
  }
  const key = headers['x-api-key'] ?? headers['api-key']
  return typeof key === 'string' ? key.trim() : null
}

/** A key in the address would end up in the logs of everything on its way. */
export function hasKeyInQuery(url: string): boolean {
  const at = url.indexOf('?')
  if (at === -1) return false
  for (const name of new URLSearchParams(url.slice(at + 1)).keys()) {
    if (KEY_PARAMETERS.has(name.toLowerCase())) return true
  }
  return false
}

/** The caller's own id of the request, if it is printable and short. */
export function clientRequestId(headers: IncomingHttpHeaders): string | null {
  const id = headers['x-client-request-id'] ?? headers['x-request-id']
  return typeof id === 'string' && /^[\x21-\x7e]{1,128}$/.test(id) ? id : null
}

/** The caller's own trace, unread: whoever traces judges it. Null = none, or none that could be one. */
export function traceParentOf({ traceparent }: IncomingHttpHeaders): string | null {
  return typeof traceparent === 'string' && traceparent.length <= MAX_TRACE_PARENT_CHARS ? traceparent : null
}

/** What the caller names his session: the body's `prompt_cache_key` before the headers. */
export function sessionName(headers: IncomingHttpHeaders, promptCacheKey: string | null): string | null {
  if (promptCacheKey !== null && promptCacheKey !== '') return promptCacheKey.slice(0, MAX_SESSION_CHARS)
  for (const name of SESSION_HEADERS) {
    const value = headers[name]
    if (typeof value === 'string' && value !== '') return value.slice(0, MAX_SESSION_CHARS)
  }
  return null
}

export function userAgentOf({ headers }: IncomingMessage): string | null {
  return headers['user-agent']?.slice(0, MAX_USER_AGENT_CHARS) ?? null
}
