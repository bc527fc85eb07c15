import type { Problem } from '#lib/api/problem.ts'
import { reasonText } from '#lib/api/reason-text.ts'
import { m } from '#lib/paraglide/messages.js'

/** Which of one's own credentials was wrong; at sign-in nobody is told that. */
export function credentialText({ reason, field }: Problem): string {
  if (reason !== 'invalid_credentials') return reasonText(reason)
  return field === 'code' ? m.code_wrong() : m.password_wrong()
}
