/** One second of the gateway, as `ops.live` sends it; null = no data. */
export interface LiveTick {
  at: string
  qps: number
  tps: number
  inFlight: number | null
  waiters: number | null
  errorRate: number | null
  ttftP50Ms: number | null
  ttftP95Ms: number | null
  accountsAvailable: number | null
  accountsTotal: number | null
  openStreams: number | null
}
