import type { GatewayErrorCode } from '../gateway/errors.ts'
import type { Outcome } from '../gateway/outcome.ts'
import type { ErrorOwner, ErrorPhase, ErrorSeverity } from './words.ts'

export interface ErrorClass {
  phase: ErrorPhase
  owner: ErrorOwner
  severity: ErrorSeverity
}

const AUTH = { phase: 'auth', owner: 'client', severity: 'P3' } as const
const ADMISSION = { phase: 'admission', owner: 'client', severity: 'P3' } as const
const LIMITED = { phase: 'admission', owner: 'business', severity: 'P3' } as const
const BILLING = { phase: 'billing', owner: 'business', severity: 'P3' } as const
const SCHEDULING = { phase: 'scheduling', owner: 'platform', severity: 'P1' } as const
const NETWORK = { phase: 'network', owner: 'provider', severity: 'P1' } as const
const UPSTREAM = { phase: 'upstream', owner: 'provider', severity: 'P1' } as const
const PASSED_ON = { phase: 'response', owner: 'client', severity: 'P3' } as const
const INTERNAL = { phase: 'internal', owner: 'platform', severity: 'P1' } as const
const NOBODY_SERVED = { phase: 'internal', owner: 'platform', severity: 'P0' } as const

/** Names for ends without a code of the error table. */
export const ENDS_WITHOUT_CODE = ['upstream_cut', 'unknown', 'rejected_upstream'] as const
export type FailureCode = GatewayErrorCode | (typeof ENDS_WITHOUT_CODE)[number]

/** Whose fault a code is (ops.md, "Who owns an error"): by code, never by message text. */
export const ERROR_CLASSES = {
  unknown_route: ADMISSION,
  method_not_allowed: ADMISSION,
  invalid_api_key: AUTH,
  api_key_in_query: AUTH,
  too_many_invalid_keys: AUTH,
  ip_not_allowed: AUTH,
  group_unavailable: AUTH,
  unsupported_encoding: ADMISSION,
  body_too_large: ADMISSION,
  body_unreadable: ADMISSION,
  body_empty: ADMISSION,
  body_invalid: ADMISSION,
  duplicate_key: ADMISSION,
  json_too_deep: ADMISSION,
  model_required: ADMISSION,
  model_not_found: ADMISSION,
  previous_response_not_found: ADMISSION,
  response_not_found: ADMISSION,
  unsupported_parameter: ADMISSION,
  requests_per_minute: LIMITED,
  tokens_per_minute: LIMITED,
  queue_full: LIMITED,
  user_concurrency_limit: LIMITED,
  key_concurrency_limit: LIMITED,
  insufficient_balance: BILLING,
  daily_limit: BILLING,
  weekly_limit: BILLING,
  monthly_limit: BILLING,
  subscription_expired: BILLING,
  key_spending_limit: BILLING,
  model_not_priced: BILLING,
  account_concurrency_limit: SCHEDULING,
  no_available_accounts: SCHEDULING,
  upstream_auth: UPSTREAM,
  upstream_forbidden: UPSTREAM,
  upstream_rate_limit: UPSTREAM,
  upstream_overloaded: UPSTREAM,
  upstream_unavailable: UPSTREAM,
  upstream_unreachable: NETWORK,
  upstream_failed: UPSTREAM,
  upstream_invalid_response: UPSTREAM,
  upstream_too_large: UPSTREAM,
  upstream_redirect: UPSTREAM,
  upstream_timeout: UPSTREAM,
  upstream_stalled: UPSTREAM,
  overloaded: INTERNAL,
  control_plane_unavailable: NOBODY_SERVED,
  ledger_unavailable: NOBODY_SERVED,
  balance_unavailable: NOBODY_SERVED,
  internal_error: INTERNAL,
  upstream_cut: UPSTREAM,
  unknown: UPSTREAM,
  rejected_upstream: PASSED_ON,
} as const satisfies Record<FailureCode, ErrorClass>

/** How one ended request counts: a success, an error of somebody, or neither (the caller left, his own mistake). */
export type Verdict = 'success' | 'error' | 'neither'

type Ended = Pick<Outcome, 'outcome' | 'errorCode'>

/** The code a request failed by; null = it did not fail, or its caller left. An upstream's own codes are one: they are passed on. */
export function failureCode({ outcome, errorCode }: Ended): FailureCode | null {
  switch (outcome) {
    case 'completed':
    case 'incomplete':
    case 'client_closed':
      return null
    case 'rejected_upstream':
    case 'unknown':
      return outcome
    case 'upstream_stalled':
      return 'upstream_stalled'
    case 'failed':
    case 'exhausted':
    case 'upstream_cut':
      return errorCode !== null && isKnown(errorCode) ? errorCode : 'upstream_cut'
  }
}

export function verdictOf(ended: Ended): Verdict {
  if (ended.outcome === 'completed' || ended.outcome === 'incomplete') return 'success'
  const code = failureCode(ended)
  if (code === null) return 'neither'
  const { owner } = ERROR_CLASSES[code]
  return owner === 'provider' || owner === 'platform' ? 'error' : 'neither'
}

/** What an attempt failed by; null = its reason is no failure of the account's (the caller left). */
export function attemptCode(reason: string): FailureCode | null {
  return isKnown(reason) ? reason : null
}

function isKnown(code: string): code is GatewayErrorCode {
  return Object.hasOwn(ERROR_CLASSES, code) && !(ENDS_WITHOUT_CODE as readonly string[]).includes(code)
}
