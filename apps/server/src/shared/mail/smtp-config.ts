import type { SmtpSecurity } from '@turnpike/core/words'

/** How mail leaves: one server, and who it says it is from. */
export interface SmtpConfig {
  host: string
  port: number
  /** `tls` from the first byte; `starttls` or nothing is sent; `none` in the clear, without a password. */
  security: SmtpSecurity
  user: string | null
  password: string | null
  from: string
}

const SCHEMES: Record<string, { security: SmtpSecurity; port: number }> = {
  'smtps:': { security: 'tls', port: 465 },
  'smtp:': { security: 'starttls', port: 587 },
  'smtp+plain:': { security: 'none', port: 25 },
}
const ADDRESS = /^[^\s@<>]+@[^\s@<>]+$/

/**
 * `smtps://user:password@host:port?from=alerts@example.com`, or `smtp://` for STARTTLS, `smtp+plain://` in the clear. Without
 * `from` the user is the sender where it is an address. Null where the text is none of this.
 */
export function parseSmtpUrl(text: string): SmtpConfig | null {
  if (!URL.canParse(text)) return null
  const url = new URL(text)
  const scheme = SCHEMES[url.protocol]
  if (scheme === undefined || url.hostname === '' || !['', '/'].includes(url.pathname)) return null
  const user = decoded(url.username)
  const password = decoded(url.password)
  if (user === null || password === null || (scheme.security === 'none' && password !== '')) return null
  const from = url.searchParams.get('from') ?? user
  if (!ADDRESS.test(from)) return null
  return {
    host: url.hostname,
    port: url.port === '' ? scheme.port : Number(url.port),
    security: scheme.security,
    user: user === '' ? null : user,
    password: password === '' ? null : password,
    from,
  }
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    // A stray % is no escape, so the URL is not one.
    return null
  }
}
