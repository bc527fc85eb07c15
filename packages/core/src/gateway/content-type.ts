import type { Headers } from './retry-after.ts'

/** What the answer's headers say, else what was asked for. */
export function isEventStream(headers: Headers, wantsStream: boolean): boolean {
  const type = String(headers['content-type'] ?? '')
  return type.includes('text/event-stream') || (wantsStream && !type.includes('json'))
}

/** JSON by whatever name, e.g. `application/problem+json`. */
export function isJson(headers: Headers): boolean {
  return String(headers['content-type'] ?? '').includes('json')
}
