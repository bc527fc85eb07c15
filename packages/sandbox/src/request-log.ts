import type { IncomingHttpHeaders } from 'node:http'
import type { FaultKind } from './fault.ts'

/** One request as the sandbox saw it, for tests to look at. */
export interface LoggedRequest {
  method: string
  /** With the query. */
  path: string
  headers: IncomingHttpHeaders
  key: string | null
  /** As received; empty when it is larger than 1 MiB. */
  body: string
  fault: FaultKind | null
  status: number | null
  /** `cut` = ended by a fault; `client_left` = the other side went before the end. */
  ending: 'open' | 'answered' | 'cut' | 'client_left'
}

export interface RequestLog {
  add(request: LoggedRequest): void
  entries: readonly LoggedRequest[]
}

const MAX_BODY_CHARS = 2 ** 20

/** Keeps the last `maxEntries` requests; 0 keeps none. */
export function createRequestLog(maxEntries: number): RequestLog {
  const entries: LoggedRequest[] = []
  return {
    entries,
    add(request) {
      if (maxEntries === 0) return
      if (request.body.length > MAX_BODY_CHARS) request.body = ''
      entries.push(request)
      if (entries.length > maxEntries) entries.shift()
    },
  }
}
