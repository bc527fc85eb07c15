import { DIMENSIONS, DUE_STEPS } from '@turnpike/core/ops/words'
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core'
import { instant, ref } from './columns.ts'

/** Rows of all requests: one among hundreds of their step, and those that are asked for most. */
const ALL = sql`dimension = 'all'`

/**
 * Requests that ended in ten seconds, as one life of one instance counted them; partitioned by UTC day. Written again
 * whole, so a row is what that life knows, however often it is written.
 */
export const opsBuckets = pgTable(
  'ops_buckets',
  {
    bucket: instant().notNull(),
    instanceId: text().notNull(),
    bootId: uuid().notNull(),
    ...dimensionColumns(),
    ...tallyColumns(),
  },
  (table) => [
    primaryKey({ columns: [table.bucket, table.bootId, table.tuple] }),
    index('ops_buckets_all_index').on(table.bucket).where(ALL),
  ],
)

/** The same over all instances, by minute; partitioned by UTC day. */
export const opsDimensionStats = pgTable(
  'ops_dimension_stats',
  { bucket: instant().notNull(), ...dimensionColumns(), ...tallyColumns() },
  (table) => [
    primaryKey({ columns: [table.bucket, table.tuple] }),
    index('ops_dimension_stats_all_index').on(table.bucket).where(ALL),
    index('ops_dimension_stats_dimension_index').on(table.dimension, table.bucket),
  ],
)

/**
 * By hour; partitioned by UTC month. Here and by the day, rows of tuples are also added up by each of their values by itself
 * (`SINGLE_DIMENSIONS`). That is one row for each provider, group, account, model and endpoint in use, of 1 to 3 KB: 19 an
 * hour take some 1.2 MB a day, about as much as the 24 rows of tuples they come from.
 */
export const opsDimensionStatsHourly = pgTable(
  'ops_dimension_stats_hourly',
  { bucket: instant().notNull(), ...dimensionColumns(), ...tallyColumns() },
  (table) => [
    primaryKey({ columns: [table.bucket, table.tuple] }),
    // Rows of people are most of them, and seldom asked for.
    index('ops_dimension_stats_hourly_dimension_index').on(table.dimension, table.bucket),
  ],
)

/** By UTC day. */
export const opsDimensionStatsDaily = pgTable(
  'ops_dimension_stats_daily',
  { bucket: instant().notNull(), ...dimensionColumns(), ...tallyColumns() },
  (table) => [
    primaryKey({ columns: [table.bucket, table.tuple] }),
    index('ops_dimension_stats_daily_dimension_index').on(table.dimension, table.bucket),
  ],
)

/**
 * Roll-ups whose source has changed since they were made, those of time that still runs included: until then queries read
 * the finer rows. Rows of single dimensions that are due are read from those of tuples. Whoever writes buckets raises `version` in the same transaction, so that none is made from half of them.
 */
export const opsRollupsDue = pgTable(
  'ops_rollups_due',
  { step: text({ enum: DUE_STEPS }).notNull(), bucket: instant().notNull(), version: integer().notNull().default(1) },
  (table) => [primaryKey({ columns: [table.step, table.bucket] })],
)

/** What an instance measured of itself, every ten seconds. */
export const opsSamples = pgTable(
  'ops_samples',
  {
    bucket: instant().notNull(),
    instanceId: text().notNull(),
    bootId: uuid().notNull(),
    /** `InstanceSample` of core. */
    sample: jsonb().notNull(),
  },
  (table) => [primaryKey({ columns: [table.bucket, table.bootId] })],
)

/** One row for each life of an instance. */
export const opsInstances = pgTable(
  'ops_instances',
  {
    bootId: uuid().primaryKey(),
    instanceId: text().notNull(),
    version: text().notNull(),
    startedAt: instant().notNull(),
    seenAt: instant().notNull(),
    /** Buckets that begin before it have been written. */
    flushedTo: instant().notNull(),
    /** It said goodbye, with everything written. */
    stoppedAt: instant(),
    /** It did not: what the ledger knows of it was counted up to then. Refusals after `flushedTo` may be missing. */
    recoveredAt: instant(),
  },
  (table) => [index('ops_instances_seen_at_index').on(table.seenAt)],
)

/** One row per instance and minute, and one for all (`instance_id = '*'`); null = no data. Partitioned by UTC day. */
export const opsSystemMetrics = pgTable(
  'ops_system_metrics',
  {
    /** When the window begins. */
    createdAt: instant().notNull(),
    windowMinutes: integer().notNull(),
    instanceId: text().notNull(),
    updatedAt: instant().notNull().defaultNow(),
    requestCount: count(),
    successCount: count(),
    errorCount: count(),
    successRate: doublePrecision(),
    errorRate: doublePrecision(),
    upstreamErrorRate: doublePrecision(),
    qps: doublePrecision().notNull(),
    tps: doublePrecision().notNull(),
    error4xxCount: bigint('error_4xx_count', { mode: 'number' }).notNull(),
    error5xxCount: bigint('error_5xx_count', { mode: 'number' }).notNull(),
    errorTimeoutCount: count(),
    upstream429Count: bigint('upstream_429_count', { mode: 'number' }).notNull(),
    upstream529Count: bigint('upstream_529_count', { mode: 'number' }).notNull(),
    businessLimitedCount: count(),
    clientClosedCount: count(),
    p50LatencyMs: doublePrecision('p50_latency_ms'),
    p95LatencyMs: doublePrecision('p95_latency_ms'),
    p99LatencyMs: doublePrecision('p99_latency_ms'),
    p999LatencyMs: doublePrecision('p999_latency_ms'),
    avgLatencyMs: doublePrecision(),
    maxLatencyMs: doublePrecision(),
    p50TtftMs: doublePrecision('p50_ttft_ms'),
    p95TtftMs: doublePrecision('p95_ttft_ms'),
    p99TtftMs: doublePrecision('p99_ttft_ms'),
    p999TtftMs: doublePrecision('p999_ttft_ms'),
    avgTtftMs: doublePrecision(),
    maxTtftMs: doublePrecision(),
    p50GatewayMs: doublePrecision('p50_gateway_ms'),
    p95GatewayMs: doublePrecision('p95_gateway_ms'),
    p99GatewayMs: doublePrecision('p99_gateway_ms'),
    p999GatewayMs: doublePrecision('p999_gateway_ms'),
    avgGatewayMs: doublePrecision(),
    maxGatewayMs: doublePrecision(),
    cpuUsagePercent: doublePrecision(),
    memoryUsedMb: doublePrecision(),
    memoryTotalMb: doublePrecision(),
    memoryUsagePercent: doublePrecision(),
    eventLoopDelayP99Ms: doublePrecision('event_loop_delay_p99_ms'),
    heapAllocMb: doublePrecision(),
    gcPauseMs: doublePrecision(),
    /** Bytes. */
    diskUsed: bigint({ mode: 'number' }),
    diskTotal: bigint({ mode: 'number' }),
    networkInBytes: bigint({ mode: 'number' }),
    networkOutBytes: bigint({ mode: 'number' }),
    dbConnActive: doublePrecision(),
    dbConnIdle: doublePrecision(),
    dbConnWaiting: doublePrecision(),
    redisConn: doublePrecision(),
    openSockets: doublePrecision(),
    openStreams: doublePrecision(),
    tokenConsumed: count(),
    /** Tokens per second. */
    tokenRate: doublePrecision().notNull(),
    costNano: bigint({ mode: 'bigint' }).notNull(),
    activeUsers: integer().notNull(),
    activeKeys: integer().notNull(),
    activeSubscriptions: integer(),
    concurrencyQueueDepth: doublePrecision(),
    waiters: doublePrecision(),
    accountSwitchCount: count(),
    accountsAvailable: integer(),
    accountsTotal: integer(),
    activeAlerts: integer(),
    tags: jsonb().notNull().default({}),
  },
  (table) => [primaryKey({ columns: [table.createdAt, table.windowMinutes, table.instanceId] })],
)

function count() {
  return bigint({ mode: 'number' }).notNull()
}

function dimensionColumns() {
  return {
    dimension: text({ enum: DIMENSIONS }).notNull(),
    /** The values below as one text, as `tupleOf` of core writes it. */
    tuple: text().notNull(),
    /** Requests beyond the bound of tuples, whatever their values. */
    isOther: boolean().notNull(),
    provider: text(),
    groupId: ref(),
    accountId: ref(),
    model: text(),
    endpoint: text(),
    userId: ref(),
    keyId: ref(),
    code: text(),
  }
}

/** Sums; only rows of tuples and of all have times. A row of a code counts requests that ended by it and attempts that failed by it. */
function tallyColumns() {
  return {
    requests: count(),
    successes: count(),
    /** Owned by provider or platform. */
    errors: count(),
    clientErrors: count(),
    businessLimited: count(),
    clientClosed: count(),
    http4xx: bigint('http_4xx', { mode: 'number' }).notNull(),
    http5xx: bigint('http_5xx', { mode: 'number' }).notNull(),
    timeouts: count(),
    upstream429: bigint('upstream_429', { mode: 'number' }).notNull(),
    upstream529: bigint('upstream_529', { mode: 'number' }).notNull(),
    attempts: count(),
    failedAttempts: count(),
    accountSwitches: count(),
    inputTokens: count(),
    cachedInputTokens: count(),
    outputTokens: count(),
    costNano: count(),
    billedNano: count(),
    latencySumUs: count(),
    latencyMaxUs: count(),
    /** Bins as `Histogram` of core tells them; `bins_quantile` reads them. */
    latencyBins: bins('latency_bins'),
    ttftSumUs: count(),
    ttftMaxUs: count(),
    /** Bins as `Histogram` of core tells them; `bins_quantile` reads them. */
    ttftBins: bins('ttft_bins'),
    gatewaySumUs: count(),
    gatewayMaxUs: count(),
    /** Bins as `Histogram` of core tells them; `bins_quantile` reads them. */
    gatewayBins: bins('gateway_bins'),
  }
}

function bins(name: string) {
  return bigint(name, { mode: 'number' }).array().notNull().default(sql`'{}'`)
}
