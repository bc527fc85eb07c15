import type { GatewayErrorCode } from '../gateway/errors.ts'
import type { Outcome } from '../gateway/outcome.ts'

export type ErrorOwner = 'client' | 'business' | 'provider' | 'platform'

/** Whose fault a code is (ops.md, "Who owns an error"): by code, never by message text. */
export const ERROR_OWNERS = {
  unknown_route: 'client',
  method_not_allowed: 'client',
  invalid_api_key: 'client',
  api_key_in_query: 'client',
  too_many_invalid_keys: 'client',
  ip_not_allowed: 'client',
  group_unavailable: 'client',
  unsupported_encoding: 'client',
  body_too_large: 'client',
  body_unreadable: 'client',
  body_empty: 'client',
  body_invalid: 'client',
  duplicate_key: 'client',
  json_too_deep: 'client',
  model_required: 'client',
  model_not_found: 'client',
  previous_response_not_found: 'client',
  response_not_found: 'client',
  unsupported_parameter: 'client',
  requests_per_minute: 'business',
  tokens_per_minute: 'business',
  queue_full: 'business',
  user_concurrency_limit: 'business',
  key_concurrency_limit: 'business',
  insufficient_balance: 'business',
  daily_limit: 'business',
  weekly_limit: 'business',
  monthly_limit: 'business',
  subscription_expired: 'business',
  key_spending_limit: 'business',
  model_not_priced: 'business',
  account_concurrency_limit: 'platform',
  no_available_accounts: 'platform',
  upstream_auth: 'provider',
  upstream_forbidden: 'provider',
  upstream_rate_limit: 'provider',
  upstream_overloaded: 'provider',
  upstream_unavailable: 'provider',
  upstream_unreachable: 'provider',
  upstream_failed: 'provider',
  upstream_invalid_response: 'provider',
  upstream_too_large: 'provider',
  upstream_redirect: 'provider',
  upstream_timeout: 'provider',
  upstream_stalled: 'provider',
  overloaded: 'platform',
  control_plane_unavailable: 'platform',
  ledger_unavailable: 'platform',
  balance_unavailable: 'platform',
  internal_error: 'platform',
} as const satisfies Record<GatewayErrorCode, ErrorOwner>

/** How one ended request counts: a success, an error of somebody, or neither (the caller left, his own mistake). */
export type Verdict = 'success' | 'error' | 'neither'

export function verdictOf({ outcome, errorCode }: Pick<Outcome, 'outcome' | 'errorCode'>): Verdict {
  switch (outcome) {
    case 'completed':
    case 'incomplete':
      return 'success'
    case 'client_closed':
    case 'rejected_upstream':
      return 'neither'
    case 'failed':
    case 'exhausted':
    case 'upstream_cut':
    case 'upstream_stalled':
    case 'unknown': {
      const owner = errorCode !== null && isKnown(errorCode) ? ERROR_OWNERS[errorCode] : 'provider'
      return owner === 'provider' || owner === 'platform' ? 'error' : 'neither'
    }
  }
}

function isKnown(code: string): code is GatewayErrorCode {
  return Object.hasOwn(ERROR_OWNERS, code)
}
