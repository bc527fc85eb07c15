import type { OAuthGrant } from '@turnpike/core/words'
import type { Dispatcher } from 'undici'
import { z } from 'zod'
import { readBounded } from '../read-bounded.ts'

const CONNECT_MS = 5_000
const TOTAL_MS = 10_000
const MAX_ANSWER_BYTES = 64 * 1024
/** RFC 6749, section 5.1, lets it be left out. */
const DEFAULT_LIFETIME_S = 3_600

export interface TokenRequest {
  grant: OAuthGrant
  tokenUrl: string
  clientId: string
  /** Empty for a public client. */
  clientSecret: string
  scope: string | null
  refreshToken: string | null
  proxy: string | null
}

export interface TokenAnswer {
  accessToken: string
  lifetimeMs: number
  /** Takes the place of the one that was used; null = that one stays. */
  refreshToken: string | null
}

/** Why there is no token: the endpoint refused the account (`invalid_grant` among others), or gave no usable answer. */
export class TokenError extends Error {
  override readonly name = 'TokenError'
  readonly kind: 'refused' | 'unavailable'
  /** A code of RFC 6749, section 5.2, or ours; never words of the endpoint. */
  readonly reason: string

  constructor(kind: TokenError['kind'], reason: string, options: { cause?: unknown } = {}) {
    super(`No access token: ${reason}`, options)
    this.kind = kind
    this.reason = reason
  }
}

interface TokenEgress {
  checkUrl(url: string): Promise<void>
  poolFor(url: string, options: { connectMs: number; proxy: string | null }): Dispatcher
}

const token = z
  .string()
  .min(1)
  .max(16_384)
  .regex(/^[\x21-\x7e]+$/)
const granted = z.object({
  access_token: token,
  expires_in: z.coerce
    .number()
    .positive()
    .max(10 * 365 * 86_400)
    .optional(),
  refresh_token: token.nullish(),
})
const refusal = z.object({
  error: z.enum([
    'invalid_request',
    'invalid_client',
    'invalid_grant',
    'unauthorized_client',
    'unsupported_grant_type',
    'invalid_scope',
  ]),
})

/** Asks token endpoints, through the egress guard, by RFC 6749 with the client's credentials in the body. */
export function createTokenEndpoint({ egress }: { egress: TokenEgress }) {
  return async function askForToken(request: TokenRequest): Promise<TokenAnswer> {
    const { status, text } = await post(request)
    const json = parse(text)
    if (status === 200) {
      const { success, data } = granted.safeParse(json)
      if (!success) throw new TokenError('unavailable', 'unreadable_answer')
      const lifetimeMs = (data.expires_in ?? DEFAULT_LIFETIME_S) * 1_000
      return { accessToken: data.access_token, lifetimeMs, refreshToken: data.refresh_token ?? null }
    }
    const { data } = refusal.safeParse(json)
    if (data !== undefined && status >= 400 && status < 500) throw new TokenError('refused', data.error)
    if (status === 401 || status === 403) throw new TokenError('refused', 'invalid_client')
    throw new TokenError('unavailable', `status_${status}`)
  }

  async function post(request: TokenRequest): Promise<{ status: number; text: string }> {
    const { tokenUrl, proxy } = request
    try {
      await egress.checkUrl(tokenUrl)
      const { origin, pathname, search } = new URL(tokenUrl)
      const answer = await egress.poolFor(tokenUrl, { connectMs: CONNECT_MS, proxy }).request({
        origin,
        path: `${pathname}${search}`,
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: formOf(request).toString(),
        signal: AbortSignal.timeout(TOTAL_MS),
      })
      return { status: answer.statusCode, text: await readBounded(answer.body, MAX_ANSWER_BYTES) }
    } catch (cause) {
      throw new TokenError('unavailable', 'unreachable', { cause })
    }
  }
}

function formOf({ grant, clientId, clientSecret, scope, refreshToken }: TokenRequest): URLSearchParams {
  return new URLSearchParams({
    grant_type: grant,
    client_id: clientId,
    ...(clientSecret !== '' && { client_secret: clientSecret }),
    ...(scope !== null && { scope }),
    ...(grant === 'refresh_token' && { refresh_token: refreshToken ?? '' }),
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whether that matters is for the status to say.
    return null
  }
}
