import { randomUUIDv7 } from 'node:crypto'
import type { Server } from 'node:http'
import type { Diagnostics, Outcome } from '@turnpike/core/gateway/outcome'
import type { Refusal } from '@turnpike/core/ops/refusal'
import type { Db, InstanceLife } from '@turnpike/db'
import type { Sql } from 'postgres'
import type { Log } from '../../shared/logger.ts'
import type { RedisClient } from '../../shared/redis.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import { createErrorLog, type ErrorLogStats } from './errors/error-log.ts'
import { createErrorInsert } from './errors/insert-errors.ts'
import type { OwnRequests } from './leases/leases.ts'
import type { RunningRequest } from './leases/running-request.ts'
import { createInstanceBus } from './live/instance-bus.ts'
import { createLiveFeed } from './live/live-feed.ts'
import type { LiveGauges } from './live/live-tick.ts'
import { openMetrics } from './metrics/open-metrics.ts'
import type { Telemetry } from './telemetry/otlp/telemetry.ts'
import { createPrometheus, type PrometheusGauges } from './telemetry/prometheus.ts'

/** What operations asks the gateway. */
interface WatchedGateway {
  gauges(): LiveGauges
  instanceGauges(): LiveGauges & {
    accountsByGroup: Record<string, [available: number, total: number]>
    journalBacklogBytes: number
    redisConn: number | null
    isDatabaseAway: boolean
  }
  stats(): {
    journal: { bytes: number }
    ledger: { stranded: number; lost: number }
    leaks: number
    heldSlots: number
  }
  providerOf(accountId: number): string | null
  running(): Omit<RunningRequest, 'instanceId'>[]
  release(requestId: string): boolean
}

interface OpsOptions {
  sql: Sql
  /** Of its own, for what only diagnoses. */
  reports: Db
  redis: { client: RedisClient; namespace: string } | null
  clock: WallClock & { monotonic(): number }
  life: InstanceLife
  version: string
  dataDir: string
  /** Null while it is not open: what would be asked of it is not known. */
  gateway(): WatchedGateway | null
  server(): Server | null
  /** Traces and metrics for a collector; null = there is none. Closed here, when everybody has ended. */
  telemetry: Telemetry | null
  log: Log
}

/**
 * What hears of every request that ends or is turned away: live feed, metrics, Prometheus, error log; and the bus between
 * the instances. Counts from now on; `metrics.start` writes.
 */
export function openOps(options: OpsOptions) {
  const { sql, reports, redis, clock, life, version, dataDir, gateway, server, telemetry, log } = options
  const { instanceId, bootId } = life
  const providerOf = (accountId: number) => gateway()?.providerOf(accountId) ?? null
  const errorLog = createErrorLog({ insert: createErrorInsert(reports), clock, instanceId, providerOf, log })
  const droppedSinceLast = sinceLast(
    ({ dropped }: ErrorLogStats) => dropped.queueFull + dropped.database + dropped.closed,
  )
  const prometheus = createPrometheus({
    instanceId,
    version,
    providerOf,
    gauges: () => ({ ...prometheusGauges(opened(gateway()), errorLog.stats()), spansDropped: droppedSpans(telemetry) }),
  })
  const metrics = openMetrics({
    sql,
    clock,
    life,
    version,
    dataDir,
    applicationName: instanceId,
    providerOf,
    gauges: () => ({ ...opened(gateway()).instanceGauges(), errorsDropped: droppedSinceLast(errorLog.stats()) }),
    server,
    log,
  })
  const bus = redis
    ? createInstanceBus({
        redis: redis.client,
        namespace: redis.namespace,
        bootId,
        instanceId,
        newId: randomUUIDv7,
        monotonic: clock.monotonic,
      })
    : null
  const live = createLiveFeed({ clock, gauges: () => gateway()?.gauges() ?? null, instanceId, bus })
  const ownRequests: OwnRequests = {
    list: () =>
      gateway()
        ?.running()
        .map((request) => ({ ...request, instanceId })) ?? [],
    release: (requestId) => gateway()?.release(requestId) ?? false,
  }

  return {
    errorLog,
    prometheus,
    metrics,
    live,
    ownRequests,
    bus,
    recordOutcome(outcome: Outcome, diagnostics: Diagnostics): void {
      live.record(outcome)
      metrics.record(outcome)
      prometheus.record(outcome)
      errorLog.recordOutcome(outcome, diagnostics)
      telemetry?.record(outcome, diagnostics)
    },
    recordRefusal(refusal: Refusal): void {
      live.recordRefusal(refusal)
      metrics.recordRefusal(refusal)
      prometheus.recordRefusal(refusal)
      errorLog.recordRefusal(refusal)
      telemetry?.recordRefusal(refusal)
    },
    /** Hears of the other instances, and answers them, from now on. */
    async listen(): Promise<void> {
      await bus?.listen({
        onSecond: live.hear,
        answer: (question) =>
          question.kind === 'requests' ? ownRequests.list() : ownRequests.release(question.requestId),
      })
    },
    /** Writes what was counted, as far as it can in its time. */
    async close(): Promise<void> {
      live.close()
      bus?.close()
      await Promise.all([errorLog.close(), metrics.close(), telemetry?.close()])
    },
  }
}

function opened(gateway: WatchedGateway | null): WatchedGateway {
  if (gateway === null) throw new Error('the gateway is not open')
  return gateway
}

function droppedSpans(telemetry: Telemetry | null): number {
  const { dropped } = telemetry?.stats() ?? { dropped: { queueFull: 0, refused: 0, closed: 0 } }
  return dropped.queueFull + dropped.refused + dropped.closed
}

function prometheusGauges(gateway: WatchedGateway, errors: ErrorLogStats): Omit<PrometheusGauges, 'spansDropped'> {
  const { journal, ledger, leaks, heldSlots } = gateway.stats()
  const { redisConn, isDatabaseAway, ...gauges } = gateway.instanceGauges()
  return {
    ...gauges,
    heldSlots,
    leakedSlots: leaks,
    journalBytes: journal.bytes,
    ledgerStranded: ledger.stranded,
    ledgerLost: ledger.lost,
    isDatabaseUp: !isDatabaseAway,
    isRedisUp: redisConn === null ? null : redisConn > 0,
    errors,
  }
}

/** By how much a count has grown since it was asked for the last time. */
function sinceLast<T>(countOf: (stats: T) => number): (stats: T) => number {
  let last = 0
  return (stats) => {
    const before = last
    last = countOf(stats)
    return last - before
  }
}
