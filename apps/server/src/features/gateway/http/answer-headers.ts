import type { Progress } from '@turnpike/core/gateway/errors'

/** Whose answer it is: our id, and the caller's own where he gave one. */
export function identityHeaders(requestId: string, clientRequestId: string | null): Record<string, string> {
  const headers: Record<string, string> = { 'x-request-id': requestId }
  if (clientRequestId !== null) headers['x-client-request-id'] = clientRequestId
  return headers
}

/** Where the time went until now, in milliseconds, and how many accounts were asked. */
export function timingHeaders({ attempts, queueMs, routeMs, upstreamMs }: Progress, totalMs: number) {
  const upstream = Math.min(upstreamMs, totalMs)
  const gateway = Math.max(0, totalMs - queueMs - upstream)
  return {
    'openai-processing-ms': String(Math.round(totalMs)),
    'server-timing': `queue;dur=${ms(queueMs)}, route;dur=${ms(routeMs)}, upstream;dur=${ms(upstream)}, gateway;dur=${ms(gateway)}`,
    'x-turnpike-attempts': String(attempts),
    'x-turnpike-queue-ms': String(Math.round(queueMs)),
  }
}

function ms(value: number): string {
  return value.toFixed(1)
}
