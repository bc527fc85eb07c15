import { isSpanContextValid, type SpanContext } from '@opentelemetry/api'

/** W3C Trace Context, section 3.2: version, trace, parent and flags; later versions may append more after a dash. */
const TRACE_PARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const SAMPLED = 1

/** Where the caller's own trace goes on; null = the header is none, which starts a trace of its own. */
export function parseTraceParent(header: string | null): SpanContext | null {
  const [, version, traceId, spanId, flags, more] = TRACE_PARENT.exec(header ?? '') ?? []
  if (traceId === undefined || spanId === undefined) return null
  if (version === '00' && more !== undefined) return null
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags ?? '', 16) & SAMPLED, isRemote: true }
  return isSpanContextValid(context) ? context : null
}
