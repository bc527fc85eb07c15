import type { UpstreamCall, UpstreamListener } from '@turnpike/core/gateway/ports'

export interface UpstreamToken {
  value: string
  generation: number
}

/** Access tokens of `oauth2` accounts. */
export interface UpstreamTokens {
  /** The token in hand; null where there is none that is still valid. */
  current(accountId: number): UpstreamToken | null
  /**
   * A valid token newer than `olderThan`, by one refresh for all who ask. Within a deadline; `isRefused` of what it rejects
   * with says that the token endpoint refused, rather than failed.
   */
  fresh(accountId: number, olderThan: number): Promise<UpstreamToken>
  isRefused(error: unknown): boolean
}

interface TokenCall {
  accountId: number
  tokens: UpstreamTokens
  send(token: string, listener: UpstreamListener): UpstreamCall
}

const UNAUTHORIZED = 401
const NO_GENERATION = -1

/**
 * A call under an access token. A token the upstream refuses is refreshed once and the call made again, which the listener
 * does not notice (spec: accounts-and-billing, "Account states", 401). A token endpoint that refuses counts as the
 * upstream's 401, one that cannot be reached as an upstream that cannot.
 */
export function openWithToken({ accountId, tokens, send }: TokenCall, listener: UpstreamListener): UpstreamCall {
  let call: UpstreamCall | null = null
  let isOver = false
  let isPaused = false

  const inHand = tokens.current(accountId)
  if (inHand !== null) begin(inHand, true)
  else void renew(NO_GENERATION)

  function begin(token: UpstreamToken, mayRenew: boolean): void {
    if (isOver) return
    call = send(token.value, mayRenew ? renewing(token) : listener)
    if (isPaused) call.pause()
  }

  function renewing({ generation }: UpstreamToken): UpstreamListener {
    return {
      onSent: () => listener.onSent(),
      onHeaders(status, headers) {
        if (status !== UNAUTHORIZED) return listener.onHeaders(status, headers)
        call?.abort()
        void renew(generation)
      },
      onData: (bytes) => listener.onData(bytes),
      onEnd: () => listener.onEnd(),
      onError: (kind) => listener.onError(kind),
    }
  }

  async function renew(olderThan: number): Promise<void> {
    try {
      begin(await tokens.fresh(accountId, olderThan), olderThan === NO_GENERATION)
    } catch (error) {
      if (isOver) return
      if (olderThan === NO_GENERATION && !tokens.isRefused(error)) return listener.onError('unreachable')
      listener.onHeaders(UNAUTHORIZED, {})
      listener.onEnd()
    }
  }

  return {
    pause() {
      isPaused = true
      call?.pause()
    },
    resume() {
      isPaused = false
      call?.resume()
    },
    abort() {
      isOver = true
      call?.abort()
    },
  }
}
