/** What an instance measures of itself in ten seconds; null = it cannot be known here. Percent 0–100. */
export interface InstanceSample {
  cpuUsagePercent: number | null
  memoryUsedMb: number | null
  memoryTotalMb: number | null
  memoryUsagePercent: number | null
  eventLoopDelayP99Ms: number
  heapAllocMb: number
  /** Pauses of these ten seconds together. */
  gcPauseMs: number
  diskUsed: number | null
  diskTotal: number | null
  /** Bytes of these ten seconds. */
  networkInBytes: number | null
  networkOutBytes: number | null
  dbConnActive: number | null
  dbConnIdle: number | null
  dbConnWaiting: number | null
  /** 0 = it is away; null = there is none. */
  redisConn: number | null
  openSockets: number
  openStreams: number
  inFlight: number
  /** Requests that wait for a slot of their user or key. */
  waiters: number
  accountsAvailable: number
  accountsTotal: number
  /** Available and all accounts of each group that has some, by its id. */
  accountsByGroup: Record<string, [available: number, total: number]>
  journalBacklogBytes: number
  /** Diagnostics that found no room, in these ten seconds. */
  errorsDropped: number
  isDatabaseAway: boolean
  /** Recurring jobs that have not run at their time. */
  jobsOverdue: number | null
}
