import type { AccountEvent } from './account-state.ts'
import type { GatewayErrorCode } from './errors.ts'
import type { EventReader } from './event-reader.ts'
import { asObject, isObject, parseJson } from './json.ts'
import { type Headers, retryAfterMs } from './retry-after.ts'
import { eventData } from './sse.ts'
import { errorCodeOf } from './upstream-words.ts'

/** How an attempt went wrong before anything of its answer was relayed. */
export type AttemptFailure =
  | { kind: 'status'; status: number; headers: Headers; body: string }
  /** No connection: refused, DNS, TLS, an address the egress guard refuses. */
  | { kind: 'unreachable' }
  /** The connection was lost before headers, or before the first event. */
  | { kind: 'lost' }
  | { kind: 'first_byte_timeout' }
  /** Part of an answer came, and then nothing; it was paid for, so it is final. */
  | { kind: 'stalled' }
  /** The stream's first content was an error; the caller gets it, with what came before, where nobody else answers. */
  | {
      kind: 'error_event'
      code: string | null
      headers: Headers
      event: string
      preambles: string[]
      reader: EventReader
    }
  /** A 200 whose body cannot be used; it was paid for, so it is final. */
  | { kind: 'unusable'; code: 'upstream_invalid_response' | 'upstream_too_large' }

/** What follows from a failed attempt: for the caller, for this request, for the account. */
export interface Verdict {
  code: GatewayErrorCode
  /** Another account may be tried. */
  failover: boolean
  /** The upstream's own error goes to the caller as it is, where no other account answers. */
  passThrough: boolean
  event: AccountEvent
  retryAfterMs: number | null
}

const QUOTA_CODES = new Set(['insufficient_quota', 'billing_hard_limit_reached'])
const OVERLOAD_CODES = new Set(['server_is_overloaded', 'slow_down', 'overloaded', 'overloaded_error', '529'])
const RATE_CODES = new Set(['rate_limit_exceeded', 'rate_limit_error', 'tokens', 'requests', '429'])

/** gateway.md step 10 and the account-state table of accounts-and-billing.md. */
export function judgeFailure(failure: AttemptFailure, nowMs: number): Verdict {
  switch (failure.kind) {
    case 'unreachable':
    case 'lost':
      return verdict('upstream_unreachable', { kind: 'broken' })
    case 'first_byte_timeout':
      return verdict('upstream_timeout', { kind: 'broken' })
    case 'stalled':
      return { ...verdict('upstream_stalled', { kind: 'broken' }), failover: false }
    case 'unusable':
      return { ...verdict(failure.code), failover: false }
    case 'error_event':
      return judgeErrorEvent(failure, nowMs)
    case 'status':
      return judgeStatus(failure, nowMs)
  }
}

/** Code of an upstream's error body. */
export function upstreamErrorCode(body: string): string | null {
  const json = asObject(parseJson(body))
  return errorCodeOf(isObject(json.error) ? json.error : json)
}

/** An upstream whose quota is used up must never look to the caller as if it were his own. */
export function isQuotaCode(code: string | null): boolean {
  return code !== null && QUOTA_CODES.has(code)
}

function judgeErrorEvent(failure: AttemptFailure & { kind: 'error_event' }, nowMs: number): Verdict {
  const { code } = failure
  if (isQuotaCode(code)) return verdict('no_available_accounts', { kind: 'payment_required' })
  if (code !== null && OVERLOAD_CODES.has(code)) return verdict('upstream_overloaded', { kind: 'overloaded' })
  if (code !== null && RATE_CODES.has(code)) return rateLimited(failure.headers, eventData(failure.event) ?? '', nowMs)
  return { ...verdict('upstream_failed'), failover: false, passThrough: true }
}

function judgeStatus(failure: AttemptFailure & { kind: 'status' }, nowMs: number): Verdict {
  const { status, headers, body } = failure
  const code = upstreamErrorCode(body)
  if (status === 401) return verdict('upstream_auth', { kind: 'unauthorized' })
  if (status === 402) return verdict('upstream_auth', { kind: 'payment_required' })
  if (status === 403) return verdict('upstream_forbidden', { kind: 'forbidden', isHtml: isHtml(headers, body) })
  if (status === 429 && isQuotaCode(code)) return verdict('no_available_accounts', { kind: 'payment_required' })
  if (status === 529 || (status >= 429 && code !== null && OVERLOAD_CODES.has(code))) {
    return verdict('upstream_overloaded', { kind: 'overloaded' })
  }
  if (status === 429) return rateLimited(headers, body, nowMs)
  if (status === 408) return verdict('upstream_failed', { kind: 'broken' })
  if (status >= 500) return verdict(serverErrorCode(status), { kind: 'broken' })
  if (status >= 300 && status < 400) return { ...verdict('upstream_redirect'), failover: false }
  if (status === 407) return { ...verdict('upstream_failed'), failover: false }
  const isMissingModel = status === 404 && code === 'model_not_found'
  return { ...verdict('upstream_failed'), failover: isMissingModel, passThrough: true }
}

function serverErrorCode(status: number): GatewayErrorCode {
  return status === 500 || (status >= 502 && status <= 504) ? 'upstream_unavailable' : 'upstream_failed'
}

function rateLimited(headers: Headers, body: string, nowMs: number): Verdict {
  const afterMs = retryAfterMs(headers, body, nowMs)
  return { ...verdict('upstream_rate_limit', { kind: 'rate_limited', retryAfterMs: afterMs }), retryAfterMs: afterMs }
}

function verdict(code: GatewayErrorCode, event: AccountEvent = { kind: 'inconclusive' }): Verdict {
  return { code, failover: true, passThrough: false, event, retryAfterMs: null }
}

function isHtml(headers: Headers, body: string): boolean {
  return String(headers['content-type'] ?? '').includes('html') || body.trimStart().startsWith('<')
}
