/** The seven times of a request, milliseconds; null = that moment was never reached. */
export interface Times {
  queueMs: number
  routeMs: number
  upstreamConnectMs: number | null
  upstreamFirstByteMs: number | null
  ttftMs: number | null
  totalMs: number
  gatewayMs: number | null
}

export type TimeName = 'queue' | 'route' | 'connect' | 'firstByte' | 'ttft' | 'total' | 'gateway'

/** One bar: where it begins and how long it is, in percent of the whole. `ms` null = never reached, and no bar. */
export interface Bar {
  name: TimeName
  ms: number | null
  startPercent: number
  widthPercent: number
}

/**
 * Where each time lies on the request's own time line. Queue and routing follow the arrival; connecting and the wait for
 * the first byte begin where routing ended (the first byte counts from the same moment as the connection); the first
 * output and the total count from the arrival. The gateway's own share is spread over the request: it is drawn from 0.
 */
export function waterfall(times: Times): Bar[] {
  const { queueMs, routeMs, upstreamConnectMs, upstreamFirstByteMs, ttftMs, totalMs, gatewayMs } = times
  const attemptAt = queueMs + routeMs
  const wholeMs = Math.max(totalMs, attemptAt + (upstreamFirstByteMs ?? upstreamConnectMs ?? 0), ttftMs ?? 0)
  const bars: [TimeName, number, number | null][] = [
    ['queue', 0, queueMs],
    ['route', queueMs, routeMs],
    ['connect', attemptAt, upstreamConnectMs],
    ['firstByte', attemptAt, upstreamFirstByteMs],
    ['ttft', 0, ttftMs],
    ['total', 0, totalMs],
    ['gateway', 0, gatewayMs],
  ]
  return bars.map(([name, startMs, ms]) => ({
    name,
    ms,
    startPercent: percent(startMs, wholeMs),
    widthPercent: percent(ms ?? 0, wholeMs),
  }))
}

function percent(ms: number, wholeMs: number): number {
  return wholeMs <= 0 ? 0 : Math.min(100, Math.max(0, (100 * ms) / wholeMs))
}
