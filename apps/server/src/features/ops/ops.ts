import type {
  OpsDimensionStats,
  OpsErrorDistribution,
  OpsLatencyHistogram,
  OpsMetricsHistory,
  OpsRetentionSet,
  OpsWindow,
} from '@turnpike/core/inputs/ops'
import type { Settings } from '@turnpike/core/inputs/settings'
import type { Db } from '@turnpike/db'
import type { Actor } from '../../shared/audit.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import { type JobHeartbeat, jobHeartbeats } from './jobs/heartbeats.ts'
import { accountStats } from './queries/account-stats.ts'
import { dimensionStats } from './queries/dimension-stats.ts'
import { errorDistribution, latencyHistogram } from './queries/distribution.ts'
import { metricsHistory, metricsReading } from './queries/history.ts'
import { overviewOf } from './queries/overview.ts'
import { type Point, type Series, seriesOf } from './queries/series.ts'
import { spanOf } from './queries/window-of.ts'
import { setRetention } from './retention/retention.ts'
import { storageOf } from './retention/storage.ts'

interface OpsOptions {
  /** Its statements end before a procedure's time is over. */
  database: Db
  clock: WallClock
  settings(): Promise<Settings>
  /** Where the embedded database keeps its files; null = the database is elsewhere. */
  databaseDir: string | null
}

export type Ops = ReturnType<typeof createOps>

/** Questions about how the gateway is doing; see ops.md for what each number means. */
export function createOps({ database: { db, sql }, clock, settings, databaseDir }: OpsOptions) {
  async function overview(window: OpsWindow) {
    const [{ 'ops.slaTargetPercent': slaPercent }, jobs] = await Promise.all([settings(), jobHeartbeats(sql)])
    const overdueJobs = jobs.filter(({ isOverdue }) => isOverdue).map(({ job }) => job)
    const nowMs = clock.now()
    return overviewOf(sql, spanOf(window, nowMs), window, { targets: { slaPercent }, overdueJobs, nowMs })
  }

  function series(window: OpsWindow, hasTimes: boolean): Promise<Series> {
    const nowMs = clock.now()
    return seriesOf(sql, spanOf(window, nowMs), window, { nowMs, hasTimes })
  }

  /** Requests, tokens and times over time. */
  async function throughput(window: OpsWindow) {
    const { points, ...rest } = await series(window, true)
    return { ...rest, points: points.map((point) => throughputOf(point, rest.stepSeconds)) }
  }

  /** Whose errors, over time. */
  async function errorTrend(window: OpsWindow) {
    const { points, ...rest } = await series(window, false)
    return { ...rest, points: points.map(errorsOf) }
  }

  return {
    overview,
    throughput,
    errorTrend,
    metricsHistory: (input: OpsMetricsHistory) => metricsHistory(db, spanOf(input, clock.now()), input),
    metricsReading: ({ range, from, to, ...filters }: Omit<OpsMetricsHistory, 'limit'>) =>
      metricsReading(db, spanOf({ range, from, to }, clock.now()), filters),
    latencyHistogram: ({ time, ...window }: OpsLatencyHistogram) =>
      latencyHistogram(sql, spanOf(window, clock.now()), window, time),
    errorDistribution: (input: OpsErrorDistribution) => errorDistribution(sql, spanOf(input, clock.now()), input),
    dimensionStats: (input: OpsDimensionStats) => dimensionStats(sql, spanOf(input, clock.now()), input),
    providers: (window: OpsWindow) =>
      dimensionStats(sql, spanOf(window, clock.now()), {
        ...window,
        groupBy: 'provider',
        measure: 'requests',
        limit: 500,
      }),
    accounts: (window: OpsWindow) => accountStats(sql, spanOf(window, clock.now()), window, clock.now()),
    jobs: async () => ({ items: (await jobHeartbeats(sql)).map(toJob) }),
    storage: () => storageOf(sql, databaseDir, clock.now()),
    retention: async () => ({ items: (await storageOf(sql, databaseDir, clock.now())).tables.map(toRetention) }),
    setRetention: (input: OpsRetentionSet, actor: Actor) => setRetention(db, input, actor),
  }
}

function throughputOf({ at, totals }: Point, stepSeconds: number) {
  return {
    at,
    requests: totals?.requests ?? null,
    qps: totals === null ? null : totals.requests / stepSeconds,
    tps: totals === null ? null : (totals.inputTokens + totals.outputTokens) / stepSeconds,
    inputTokens: totals?.inputTokens ?? null,
    outputTokens: totals?.outputTokens ?? null,
    cost: totals?.cost ?? null,
    successRate: totals?.successRate ?? null,
    latencyP50Ms: totals?.latency.p50 ?? null,
    latencyP95Ms: totals?.latency.p95 ?? null,
    latencyP99Ms: totals?.latency.p99 ?? null,
    ttftP50Ms: totals?.ttft.p50 ?? null,
    ttftP95Ms: totals?.ttft.p95 ?? null,
    ttftP99Ms: totals?.ttft.p99 ?? null,
    gatewayP99Ms: totals?.gatewayMs.p99 ?? null,
  }
}

function errorsOf({ at, totals }: Point) {
  return {
    at,
    errors: totals?.errors ?? null,
    errorRate: totals?.errorRate ?? null,
    upstreamErrorRate: totals?.upstreamErrorRate ?? null,
    client: totals?.clientErrors ?? null,
    business: totals?.businessLimited ?? null,
    clientClosed: totals?.clientClosed ?? null,
    http4xx: totals?.http4xx ?? null,
    http5xx: totals?.http5xx ?? null,
    timeout: totals?.timeouts ?? null,
    upstream429: totals?.upstream429 ?? null,
    upstream529: totals?.upstream529 ?? null,
  }
}

function toJob({ job, lastStartedAt, lastSucceededAt, lastFailedAt, nextDueAt, ...rest }: JobHeartbeat) {
  return {
    name: job,
    ...rest,
    lastStartedAt: lastStartedAt?.toISOString() ?? null,
    lastSucceededAt: lastSucceededAt?.toISOString() ?? null,
    lastFailedAt: lastFailedAt?.toISOString() ?? null,
    nextDueAt: nextDueAt?.toISOString() ?? null,
  }
}

type TableOfStorage = Awaited<ReturnType<typeof storageOf>>['tables'][number]

function toRetention({ tableName, days, enabled, lastCleanupAt, lastCleanupRows, lastCleanupMs }: TableOfStorage) {
  return { tableName, days, enabled, lastCleanupAt, lastCleanupRows, lastCleanupMs }
}
