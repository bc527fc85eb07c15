import type { AccountCreate, AccountUpdate } from '@turnpike/core/inputs/accounts'
import { proxyHostOf } from '../../shared/egress/inspect-proxy.ts'

type Input = Partial<Omit<AccountCreate, 'baseUrl'>> & Partial<AccountUpdate>

/** What of an input the audit log keeps: that a secret was replaced, never the secret. */
export function changeOf(input: Input): Record<string, unknown> {
  const { id: _id, secret, extraHeaders, oauth, proxy, expiresAt, ...plain } = input
  const { refreshToken, ...grant } = oauth ?? {}
  return {
    ...plain,
    // As it is read back: the log's hash is over what jsonb keeps.
    ...(expiresAt !== undefined && { expiresAt: expiresAt?.toISOString() ?? null }),
    ...(secret !== undefined && { secret: 'replaced' }),
    ...(extraHeaders !== undefined && { extraHeaderNames: Object.keys(extraHeaders) }),
    ...(oauth !== undefined && {
      oauth: { ...grant, ...(refreshToken !== undefined && { refreshToken: 'replaced' }) },
    }),
    ...(proxy !== undefined && { proxyHost: proxy === null ? null : proxyHostOf(proxy) }),
  }
}
