import { m } from '#lib/paraglide/messages.js'

const TEXTS: Record<string, () => string> = {
  invalid_input: m.reason_invalid_input,
  unknown_field: m.reason_unknown_field,
  limit_out_of_range: m.reason_limit_out_of_range,
  not_found: m.reason_not_found,
  conflict: m.reason_conflict,
  version_conflict: m.reason_version_conflict,
  forbidden: m.reason_forbidden,
  unauthenticated: m.reason_unauthenticated,
  invalid_credentials: m.reason_invalid_credentials,
  totp_required: m.reason_totp_required,
  too_many_attempts: m.reason_too_many_attempts,
  unsafe_destination: m.reason_unsafe_destination,
  timeout: m.reason_timeout,
  internal: m.reason_internal,
  unreachable: m.reason_unreachable,
}

/** A reason of the API in the page's language; one that is not known is shown as it is. */
export function reasonText(reason: string): string {
  return TEXTS[reason]?.() ?? reason
}
