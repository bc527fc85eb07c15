import type { Progress } from '@turnpike/core/gateway/errors'
import type { RateLeft, RatesLeft } from '@turnpike/core/gateway/ports'

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const NO_HEADERS: Readonly<Record<string, string>> = {}

/** Whose answer it is: our id, and the caller's own where he gave one. */
export function identityHeaders(requestId: string, clientRequestId: string | null): Record<string, string> {
  const headers: Record<string, string> = { 'x-request-id': requestId }
  if (clientRequestId !== null) headers['x-client-request-id'] = clientRequestId
  return headers
}

/**
 * Where the time went until now, in milliseconds, and how many accounts were asked. Neither a slow caller's body nor an
 * account that failed is the gateway's; where no account was asked, all that was not queueing is.
 */
export function timingHeaders({ attempts, queueMs, routeMs, upstreamMs, gatewayMs }: Progress, totalMs: number) {
  const upstream = Math.min(upstreamMs, totalMs)
  const gateway = gatewayMs ?? Math.max(0, totalMs - queueMs - upstream)
  return {
    'openai-processing-ms': String(Math.round(totalMs)),
    'server-timing': `queue;dur=${ms(queueMs)}, route;dur=${ms(routeMs)}, upstream;dur=${ms(upstream)}, gateway;dur=${ms(gateway)}`,
    'x-turnpike-attempts': String(attempts),
    'x-turnpike-queue-ms': String(Math.round(queueMs)),
  }
}

/** What is left of the caller's rates, as OpenAI tells it; nothing of what is not limited. */
export function rateHeaders(rates: RatesLeft | null): Readonly<Record<string, string>> {
  if (rates === null) return NO_HEADERS
  const headers: Record<string, string> = {}
  if (rates.requests) addRate(headers, 'requests', rates.requests)
  if (rates.tokens) addRate(headers, 'tokens', rates.tokens)
  return headers
}

function addRate(headers: Record<string, string>, of: 'requests' | 'tokens', rate: RateLeft): void {
  headers[`x-ratelimit-limit-${of}`] = String(rate.limit)
  headers[`x-ratelimit-remaining-${of}`] = String(rate.remaining)
  headers[`x-ratelimit-reset-${of}`] = resetTime(rate.resetMs)
}

/** `12ms`, `1.5s`, `6m0s`; nothing to wait for is `0s`. */
export function resetTime(resetMs: number): string {
  const wholeMs = Math.ceil(resetMs)
  if (wholeMs > 0 && wholeMs < SECOND_MS) return `${wholeMs}ms`
  if (wholeMs < MINUTE_MS) return `${wholeMs / SECOND_MS}s`
  return `${Math.floor(wholeMs / MINUTE_MS)}m${(wholeMs % MINUTE_MS) / SECOND_MS}s`
}

function ms(value: number): string {
  return value.toFixed(1)
}
