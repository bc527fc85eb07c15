import type { Dispatcher } from 'undici'

const CONNECT_MS = 3_000
const MAX_ANSWER_BYTES = 16 * 1024

export interface CollectorLineOptions {
  /** OTEL_EXPORTER_OTLP_ENDPOINT, to which the signal's path is added. */
  endpoint: string
  egress: { poolFor(url: string, options: { connectMs: number }): Dispatcher }
  /** For one delivery, answer included. */
  deliverMs: number
}

/** `busy`: the same may be accepted later. `refused`: it never will. */
type Delivery = 'taken' | 'busy' | 'refused'

/** OTLP over HTTP to one collector (opentelemetry.io/docs/specs/otlp, "OTLP/HTTP"). It never throws. */
export function createCollectorLine({ endpoint, egress, deliverMs }: CollectorLineOptions) {
  const closing = new AbortController()

  async function deliver(signal: 'traces' | 'metrics', json: Uint8Array): Promise<Delivery> {
    const url = `${endpoint}/v1/${signal}`
    try {
      const { origin, pathname } = new URL(url)
      const { statusCode, body } = await egress.poolFor(url, { connectMs: CONNECT_MS }).request({
        origin,
        path: pathname,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: json,
        signal: AbortSignal.any([AbortSignal.timeout(deliverMs), closing.signal]),
      })
      await body.dump({ limit: MAX_ANSWER_BYTES })
      if (statusCode >= 200 && statusCode < 300) return 'taken'
      return isBusy(statusCode) ? 'busy' : 'refused'
    } catch {
      // Whatever stood in the way, another try is all that can be done; the count of what was dropped tells of it.
      return 'busy'
    }
  }

  return { deliver, close: () => closing.abort() }
}

/** The statuses that OTLP calls retryable. */
function isBusy(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504
}
