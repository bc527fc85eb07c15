import type { AccountAuth, OAuthGrant, Protocol, Provider } from '@turnpike/core/words'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'
import type { AccountState } from './account-state.ts'

const PROVIDER_TEXTS = {
  openai: m.provider_openai,
  'openai-compatible': m.provider_openai_compatible,
  'azure-openai': m.provider_azure_openai,
  sandbox: m.provider_sandbox,
} satisfies Record<Provider, () => string>

export function providerText(provider: Provider): string {
  return PROVIDER_TEXTS[provider]()
}

export function protocolChoices(): { value: Protocol; label: string }[] {
  return [
    { value: 'responses+chat', label: m.protocol_both() },
    { value: 'chat', label: m.protocol_chat() },
    { value: 'responses', label: m.protocol_responses() },
  ]
}

const AUTH_TEXTS = {
  api_key: m.auth_api_key,
  oauth2: m.auth_oauth2,
} satisfies Record<AccountAuth, () => string>

export function authText(auth: AccountAuth): string {
  return AUTH_TEXTS[auth]()
}

export function grantChoices(): { value: OAuthGrant; label: string }[] {
  return [
    { value: 'client_credentials', label: m.grant_client_credentials() },
    { value: 'refresh_token', label: m.grant_refresh_token() },
  ]
}

const STATE_LOOKS = {
  archived: { tone: 'neutral', text: m.status_archived },
  error: { tone: 'bad', text: m.account_error },
  disabled: { tone: 'neutral', text: m.status_disabled },
  expired: { tone: 'warn', text: m.status_expired },
  paused: { tone: 'neutral', text: m.account_paused },
  cooling: { tone: 'warn', text: m.account_cooling },
  full: { tone: 'info', text: m.account_full },
  partly_cooling: { tone: 'warn', text: m.account_partly_cooling },
  ready: { tone: 'ok', text: m.account_ready },
} satisfies Record<AccountState['kind'], Look>

export function accountStateLook({ kind }: AccountState): Look {
  return STATE_LOOKS[kind]
}

/** Why an account cools, failed, or failed its test. */
const REASON_TEXTS: Record<string, () => string> = {
  unauthorized: m.account_reason_unauthorized,
  payment_required: m.account_reason_payment_required,
  forbidden: m.account_reason_forbidden,
  forbidden_page: m.account_reason_forbidden_page,
  rate_limited: m.account_reason_rate_limited,
  overloaded: m.account_reason_overloaded,
  upstream_broken: m.account_reason_upstream_broken,
  no_model_known: m.account_reason_no_model_known,
  upstream_error: m.account_reason_upstream_error,
  refused: m.account_reason_refused,
  redirect: m.account_reason_redirect,
  timeout: m.account_reason_timeout,
  unreachable: m.account_reason_unreachable,
  dns: m.account_reason_dns,
  tls: m.account_reason_tls,
  model_not_found: m.account_reason_model_not_found,
  unsafe_destination: m.reason_unsafe_destination,
  passed: m.account_reason_passed,
}

/** One that is not known is shown as it is. */
export function accountReasonText(reason: string): string {
  return REASON_TEXTS[reason]?.() ?? reason
}

const EVENT_LOOKS: Record<string, Look> = {
  cooling: { tone: 'warn', text: m.event_cooling },
  model_cooling: { tone: 'warn', text: m.event_model_cooling },
  error: { tone: 'bad', text: m.event_error },
  breaker_opened: { tone: 'bad', text: m.event_breaker_opened },
  breaker_closed: { tone: 'ok', text: m.event_breaker_closed },
  health_check: { tone: 'info', text: m.event_health_check },
}

/** What happened to an account; one that is not known goes by its name. */
export function accountEventLook(kind: string): Look {
  return EVENT_LOOKS[kind] ?? { tone: 'neutral', text: () => kind }
}
