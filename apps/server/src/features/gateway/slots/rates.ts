import { GatewayError, type GatewayErrorCode } from '@turnpike/core/gateway/errors'
import type { AdmitRequest, RatedCaller, RateLeft, RatesLeft } from '@turnpike/core/gateway/ports'
import { isRated, RATE_WINDOW_MS, RateWindow, tighter } from '@turnpike/core/gateway/rate-window'

/** Windows by the id of their key or group: there is one only where a limit is set and something counts. */
type Windows = Map<number, RateWindow>

/** One limit that a request is under. */
interface Rate {
  code: Extract<GatewayErrorCode, 'requests_per_minute' | 'tokens_per_minute'>
  limit: number
  windows: Windows
  id: number
  /** What the request adds. */
  amount: number
}

/** A request that counts. */
export interface RateCount {
  left(): RatesLeft | null
  settleTokens(tokens: number): void
  withdraw(): void
}

const NOTHING_COUNTED = new RateWindow()

export type Rates = ReturnType<typeof createRates>

/** Requests and tokens per minute of one instance (gateway.md step 3): of the key, then of its whole group. */
export function createRates({ monotonic }: { monotonic: () => number }) {
  const ofKeys = { requests: new Map() as Windows, tokens: new Map() as Windows }
  const ofGroups = { requests: new Map() as Windows, tokens: new Map() as Windows }

  /**
   * Counts the request in all its rates, or refuses it uncounted; null where none is set. Throws requests_per_minute and
   * tokens_per_minute, with the time after which it would pass all of them. What alone is larger than a limit never passes;
   * it is told a whole minute.
   */
  function count(request: AdmitRequest): RateCount | null {
    if (!isRated(request.keyRates, request.groupRates)) return null
    const now = monotonic()
    const rates = ratesOf(request)
    const refused = refusalBy(rates, request, now)
    if (refused !== null) throw refused
    const counted = rates.map((rate) => ({ rate, bucket: windowOf(rate.windows, rate.id).add(rate.amount, now) }))
    return new CountedRequest(counted, { left: () => left(request), monotonic })
  }

  /** What `count` would refuse the request with now; null = nothing. Counts nothing. */
  function refusal(request: AdmitRequest): GatewayError | null {
    return refusalBy(ratesOf(request), request, monotonic())
  }

  function refusalBy(rates: readonly Rate[], request: AdmitRequest, now: number): GatewayError | null {
    const waits = rates.map(({ windows, id, limit, amount }) => {
      return (windows.get(id) ?? NOTHING_COUNTED).msUntilFits(amount, limit, now)
    })
    const refusing = rates[waits.findIndex((waitMs) => waitMs > 0)]
    if (refusing === undefined) return null
    const retryAfterMs = Math.min(RATE_WINDOW_MS, Math.ceil(Math.max(...waits)))
    return new GatewayError(refusing.code, { retryAfterMs, rates: left(request) })
  }

  function ratesOf({ keyId, keyRates, groupId, groupRates, estimatedTokens }: AdmitRequest): Rate[] {
    const rates: Rate[] = []
    for (const { windows, id, limits } of [
      { windows: ofKeys, id: keyId, limits: keyRates },
      { windows: ofGroups, id: groupId, limits: groupRates },
    ]) {
      const { requestsPerMinute, tokensPerMinute } = limits
      if (requestsPerMinute !== null) {
        rates.push({
          code: 'requests_per_minute',
          limit: requestsPerMinute,
          windows: windows.requests,
          id,
          amount: 1,
        })
      }
      if (tokensPerMinute !== null) {
        const amount = estimatedTokens
        rates.push({ code: 'tokens_per_minute', limit: tokensPerMinute, windows: windows.tokens, id, amount })
      }
    }
    return rates
  }

  /** The tightest of key and group; null where neither has a rate. */
  function left(caller: RatedCaller): RatesLeft | null {
    const { keyId, keyRates, groupId, groupRates } = caller
    if (!isRated(keyRates, groupRates)) return null
    const now = monotonic()
    return {
      requests: tighter(
        leftOf(ofKeys.requests.get(keyId), keyRates.requestsPerMinute, now),
        leftOf(ofGroups.requests.get(groupId), groupRates.requestsPerMinute, now),
      ),
      tokens: tighter(
        leftOf(ofKeys.tokens.get(keyId), keyRates.tokensPerMinute, now),
        leftOf(ofGroups.tokens.get(groupId), groupRates.tokensPerMinute, now),
      ),
    }
  }

  /** Idle keys and groups cost no memory. */
  function sweep(): void {
    const now = monotonic()
    for (const windows of [ofKeys.requests, ofKeys.tokens, ofGroups.requests, ofGroups.tokens]) {
      for (const [id, window] of windows) {
        if (window.isEmpty(now)) windows.delete(id)
      }
    }
  }

  function windowCount(): number {
    return ofKeys.requests.size + ofKeys.tokens.size + ofGroups.requests.size + ofGroups.tokens.size
  }

  return { count, refusal, left, sweep, windowCount }
}

interface CountedRequestOptions {
  left: () => RatesLeft | null
  monotonic: () => number
}

class CountedRequest implements RateCount {
  readonly left: () => RatesLeft | null
  readonly #counted: readonly { rate: Rate; bucket: number }[]
  readonly #monotonic: () => number
  #isSettled = false

  constructor(counted: readonly { rate: Rate; bucket: number }[], { left, monotonic }: CountedRequestOptions) {
    this.left = left
    this.#counted = counted
    this.#monotonic = monotonic
  }

  /** What was estimated too much is taken back where it was counted; what was too little counts now. */
  settleTokens(tokens: number): void {
    if (this.#isSettled) return
    this.#isSettled = true
    for (const { rate, bucket } of this.#counted) {
      if (rate.code !== 'tokens_per_minute') continue
      const { windows, id, amount } = rate
      if (tokens > amount) windowOf(windows, id).add(tokens - amount, this.#monotonic())
      else windows.get(id)?.takeBack(amount - tokens, bucket)
    }
  }

  withdraw(): void {
    if (this.#isSettled) return
    this.#isSettled = true
    for (const { rate, bucket } of this.#counted) rate.windows.get(rate.id)?.takeBack(rate.amount, bucket)
  }
}

function windowOf(windows: Windows, id: number): RateWindow {
  let window = windows.get(id)
  if (window === undefined) {
    window = new RateWindow()
    windows.set(id, window)
  }
  return window
}

function leftOf(window: RateWindow | undefined, limit: number | null, now: number): RateLeft | null {
  if (limit === null) return null
  return window === undefined ? { limit, remaining: limit, resetMs: 0 } : window.left(limit, now)
}
