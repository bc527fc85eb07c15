import type { RatesLeft } from './ports.ts'

/** Every code a gateway request can be refused or end with. Source: gateway.md, "Error shape". */
export type GatewayErrorCode = keyof typeof GATEWAY_ERRORS

export type OpenAiErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'rate_limit_error'
  | 'billing_error'
  | 'api_error'
  | 'upstream_error'

interface GatewayErrorRow {
  status: number
  type: OpenAiErrorType
  message: string
}

const UNAVAILABLE_UPSTREAM = 'Upstream service temporarily unavailable'
const FAILED_UPSTREAM = 'Upstream request failed'
const REACHED_RATE = 'Rate limit reached, please retry later'
const TRY_LATER = 'Service temporarily unavailable, please retry later'

/** The error table: our own messages are these fixed texts and nothing else. */
export const GATEWAY_ERRORS = {
  unknown_route: { status: 404, type: 'invalid_request_error', message: 'Unknown request URL' },
  method_not_allowed: { status: 405, type: 'invalid_request_error', message: 'Method not allowed' },
  invalid_api_key: { status: 401, type: 'authentication_error', message: 'Invalid API key' },
  api_key_in_query: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Send the API key in the Authorization header',
  },
  too_many_invalid_keys: {
    status: 429,
    type: 'rate_limit_error',
    message: 'Too many requests with invalid API keys',
  },
  ip_not_allowed: {
    status: 403,
    type: 'permission_error',
    message: 'This API key cannot be used from this address',
  },
  group_unavailable: {
    status: 403,
    type: 'permission_error',
    message: "This API key's group is not available",
  },
  unsupported_encoding: { status: 415, type: 'invalid_request_error', message: 'Unsupported content encoding' },
  body_too_large: { status: 413, type: 'invalid_request_error', message: 'Request body too large' },
  body_unreadable: { status: 400, type: 'invalid_request_error', message: 'Failed to read request body' },
  body_empty: { status: 400, type: 'invalid_request_error', message: 'Request body is empty' },
  body_invalid: { status: 400, type: 'invalid_request_error', message: 'Failed to parse request body' },
  duplicate_key: { status: 400, type: 'invalid_request_error', message: 'Duplicate key in request body' },
  json_too_deep: { status: 400, type: 'invalid_request_error', message: 'Request body is nested too deeply' },
  model_required: { status: 400, type: 'invalid_request_error', message: 'model is required' },
  model_not_found: {
    status: 404,
    type: 'invalid_request_error',
    message: 'The model does not exist or you do not have access to it',
  },
  previous_response_not_found: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Previous response not found.',
  },
  response_not_found: { status: 404, type: 'invalid_request_error', message: 'Response not found.' },
  unsupported_parameter: { status: 400, type: 'invalid_request_error', message: 'Unsupported parameter' },
  requests_per_minute: { status: 429, type: 'rate_limit_error', message: REACHED_RATE },
  tokens_per_minute: { status: 429, type: 'rate_limit_error', message: REACHED_RATE },
  queue_full: {
    status: 429,
    type: 'rate_limit_error',
    message: 'Too many pending requests, please retry later',
  },
  user_concurrency_limit: {
    status: 429,
    type: 'rate_limit_error',
    message: 'Concurrency limit exceeded for user, please retry later',
  },
  key_concurrency_limit: {
    status: 429,
    type: 'rate_limit_error',
    message: 'Concurrency limit exceeded for key, please retry later',
  },
  account_concurrency_limit: {
    status: 429,
    type: 'rate_limit_error',
    message: 'Concurrency limit exceeded for account, please retry later',
  },
  insufficient_balance: { status: 403, type: 'billing_error', message: 'Insufficient balance' },
  daily_limit: { status: 403, type: 'billing_error', message: 'Daily limit reached' },
  weekly_limit: { status: 403, type: 'billing_error', message: 'Weekly limit reached' },
  monthly_limit: { status: 403, type: 'billing_error', message: 'Monthly limit reached' },
  subscription_expired: { status: 403, type: 'billing_error', message: 'Subscription expired' },
  key_spending_limit: { status: 403, type: 'billing_error', message: 'Spending limit of this API key reached' },
  model_not_priced: { status: 403, type: 'billing_error', message: 'This model has no price' },
  no_available_accounts: { status: 503, type: 'api_error', message: 'No available accounts' },
  upstream_auth: {
    status: 502,
    type: 'upstream_error',
    message: 'Upstream authentication failed, please contact administrator',
  },
  upstream_forbidden: {
    status: 502,
    type: 'upstream_error',
    message: 'Upstream access forbidden, please contact administrator',
  },
  upstream_rate_limit: {
    status: 429,
    type: 'rate_limit_error',
    message: 'Upstream rate limit exceeded, please retry later',
  },
  upstream_overloaded: {
    status: 503,
    type: 'upstream_error',
    message: 'Upstream service overloaded, please retry later',
  },
  upstream_unavailable: { status: 502, type: 'upstream_error', message: UNAVAILABLE_UPSTREAM },
  upstream_unreachable: { status: 502, type: 'upstream_error', message: UNAVAILABLE_UPSTREAM },
  upstream_failed: { status: 502, type: 'upstream_error', message: FAILED_UPSTREAM },
  upstream_invalid_response: { status: 502, type: 'upstream_error', message: FAILED_UPSTREAM },
  upstream_too_large: { status: 502, type: 'upstream_error', message: FAILED_UPSTREAM },
  upstream_redirect: { status: 502, type: 'upstream_error', message: FAILED_UPSTREAM },
  upstream_timeout: { status: 504, type: 'upstream_error', message: 'Upstream timed out' },
  upstream_stalled: { status: 504, type: 'upstream_error', message: 'Upstream stopped responding' },
  overloaded: { status: 503, type: 'api_error', message: 'Server is busy, please retry later' },
  control_plane_unavailable: { status: 503, type: 'api_error', message: TRY_LATER },
  ledger_unavailable: { status: 503, type: 'api_error', message: TRY_LATER },
  balance_unavailable: { status: 503, type: 'api_error', message: TRY_LATER },
  internal_error: { status: 500, type: 'api_error', message: 'Internal server error' },
} as const satisfies Record<string, GatewayErrorRow>

interface GatewayErrorDetails {
  /** The request's member that is at fault. */
  param?: string
  /** When the caller may try again; sent on every 429 and 503. */
  retryAfterMs?: number
  /** Replaces the table's text where the table says it carries a figure (body_too_large, the two of responses). */
  message?: string
  /** What is left of the caller's rates, where one of them refused. */
  rates?: RatesLeft | null
  cause?: unknown
}

/** How far a request came, for the headers of its answer. Milliseconds. */
export interface Progress {
  /** What is left of the caller's rates; null = none is set, or it never came to them. */
  rates: RatesLeft | null
  attempts: number
  queueMs: number
  routeMs: number
  upstreamMs: number
  /** What the gateway itself took before it asked the account that answers, failed attempts apart; null = it asked none. */
  gatewayMs: number | null
}

export const NO_PROGRESS: Progress = {
  rates: null,
  attempts: 0,
  queueMs: 0,
  routeMs: 0,
  upstreamMs: 0,
  gatewayMs: null,
}

/** A refusal or failure with a closed code; anything else that is thrown is `internal_error`. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: GatewayErrorCode
  readonly param: string | null
  readonly retryAfterMs: number | null
  readonly rates: RatesLeft | null
  /** Set by the relay; a refusal before it has none. */
  progress: Progress = NO_PROGRESS

  constructor(code: GatewayErrorCode, details: GatewayErrorDetails = {}) {
    super(details.message ?? GATEWAY_ERRORS[code].message, { cause: details.cause })
    this.code = code
    this.param = details.param ?? null
    this.retryAfterMs = details.retryAfterMs ?? null
    this.rates = details.rates ?? null
  }
}

/** The error as the gateway reports it: unknown ones become `internal_error` and keep the cause for the log. */
export function asGatewayError(error: unknown): GatewayError {
  return error instanceof GatewayError ? error : new GatewayError('internal_error', { cause: error })
}
