import { readFile, statfs } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import type { InstanceSample } from '@turnpike/core/ops/instance-sample'
import type { Sql } from 'postgres'
import { OVERDUE_AFTER_SECONDS } from '../jobs/heartbeats.ts'

const MB = 1024 * 1024
const NS_PER_MS = 1e6
/** How finely delays of the event loop are looked at. */
const RESOLUTION_MS = 10

/** What the parts of the server say of themselves. */
export type ServerGauges = Pick<
  InstanceSample,
  | 'openSockets'
  | 'openStreams'
  | 'inFlight'
  | 'waiters'
  | 'accountsAvailable'
  | 'accountsTotal'
  | 'accountsByGroup'
  | 'journalBacklogBytes'
  | 'errorsDropped'
  | 'redisConn'
  | 'isDatabaseAway'
>

interface SamplerOptions {
  sql: Sql
  /** How this instance's connections to the database are named. */
  applicationName: string
  dataDir: string
  gauges(): Promise<ServerGauges>
}

/** Measures the process and the machine, or the container, it runs in; each sample is of the time since the last one. */
export function openInstanceSampler({ sql, applicationName, dataDir, gauges }: SamplerOptions) {
  const eventLoop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  eventLoop.enable()
  let gcPauseMs = 0
  const collections = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcPauseMs += duration
  })
  collections.observe({ entryTypes: ['gc'] })
  let lastCpu = process.cpuUsage()
  let lastAt = performance.now()
  let lastNetwork: { received: number; sent: number } | null = null

  async function sample(): Promise<InstanceSample> {
    const [parts, memory, disk, network, database, cpus] = await Promise.all([
      gauges(),
      memoryOf(),
      diskOf(dataDir),
      networkOf(),
      databaseGauges(sql, applicationName),
      cpusOf(),
    ])
    const cpuUsagePercent = cpuSinceLast(cpus)
    const before = lastNetwork
    lastNetwork = network
    const eventLoopDelayP99Ms = Math.max(eventLoop.percentile(99) / NS_PER_MS - RESOLUTION_MS, 0)
    eventLoop.reset()
    const pausedMs = gcPauseMs
    gcPauseMs = 0
    return {
      ...parts,
      ...memory,
      ...disk,
      ...database,
      cpuUsagePercent,
      eventLoopDelayP99Ms: Number.isFinite(eventLoopDelayP99Ms) ? eventLoopDelayP99Ms : 0,
      heapAllocMb: process.memoryUsage().heapUsed / MB,
      gcPauseMs: pausedMs,
      networkInBytes: network && before ? Math.max(network.received - before.received, 0) : null,
      networkOutBytes: network && before ? Math.max(network.sent - before.sent, 0) : null,
    }
  }

  /** Of all the processor time this process may use. */
  function cpuSinceLast(cpus: number): number {
    const now = performance.now()
    const { user, system } = process.cpuUsage(lastCpu)
    const percent = (100 * (user + system)) / 1000 / Math.max(now - lastAt, 1) / cpus
    lastCpu = process.cpuUsage()
    lastAt = now
    return Math.min(percent, 100)
  }

  return {
    sample,
    close() {
      eventLoop.disable()
      collections.disconnect()
    },
  }
}

/** Of the container, where there is one with a limit; else of this process in the machine's memory. */
async function memoryOf() {
  const limit = Number(await textOf('/sys/fs/cgroup/memory.max'))
  const current = Number(await textOf('/sys/fs/cgroup/memory.current'))
  const isLimited = limit > 0 && limit < totalmem() && current > 0
  const total = isLimited ? limit : totalmem()
  const used = isLimited ? Math.max(current - (await inactiveFileBytes()), 0) : process.memoryUsage.rss()
  return { memoryUsedMb: used / MB, memoryTotalMb: total / MB, memoryUsagePercent: (100 * used) / total }
}

/** Cached files, which give way when memory is wanted. */
async function inactiveFileBytes(): Promise<number> {
  const line = /^inactive_file (\d+)$/m.exec((await textOf('/sys/fs/cgroup/memory.stat')) ?? '')
  return Number(line?.[1] ?? 0)
}

/** Processors this process may keep busy: those of the container, where it is limited. */
async function cpusOf(): Promise<number> {
  const [quota, period] = ((await textOf('/sys/fs/cgroup/cpu.max')) ?? '').split(' ').map(Number)
  const limit = quota && period ? quota / period : Number.POSITIVE_INFINITY
  return Math.min(limit, availableParallelism())
}

async function diskOf(dataDir: string) {
  try {
    const { bsize, blocks, bavail } = await statfs(dataDir)
    return { diskUsed: (blocks - bavail) * bsize, diskTotal: blocks * bsize }
  } catch {
    return { diskUsed: null, diskTotal: null }
  }
}

/** All interfaces but the loopback; null where the system does not tell. */
async function networkOf(): Promise<{ received: number; sent: number } | null> {
  const text = await textOf('/proc/self/net/dev')
  if (text === null) return null
  const interfaces = text
    .split('\n')
    .slice(2)
    .map((line) => line.trim().split(/[:\s]+/))
    .filter(([name]) => name !== undefined && name !== '' && name !== 'lo')
  const sum = (column: number) => interfaces.reduce((total, columns) => total + Number(columns[column] ?? 0), 0)
  return { received: sum(1), sent: sum(9) }
}

/** Null while the database cannot be asked. */
async function databaseGauges(sql: Sql, applicationName: string) {
  try {
    const [row] = await sql<{ active: number; idle: number; waiting: number; overdue: number }[]>`
      select count(*) filter (where state = 'active' and pid <> pg_backend_pid())::int as active,
        count(*) filter (where state <> 'active')::int as idle,
        count(*) filter (where wait_event_type = 'Lock')::int as waiting,
        (select count(*) from ops_job_heartbeats
          where next_due_at < now() - make_interval(secs => ${OVERDUE_AFTER_SECONDS}))::int as overdue
      from pg_stat_activity where application_name like ${`turnpike%${applicationName}`}`
    return {
      dbConnActive: row?.active ?? null,
      dbConnIdle: row?.idle ?? null,
      dbConnWaiting: row?.waiting ?? null,
      jobsOverdue: row?.overdue ?? null,
    }
  } catch {
    return { dbConnActive: null, dbConnIdle: null, dbConnWaiting: null, jobsOverdue: null }
  }
}

async function textOf(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch {
    return null
  }
}
