import { z } from 'zod'
import { ERROR_OWNERS, ERROR_PHASES, ERROR_SEVERITIES, ERROR_SOURCES, RANGES } from '../ops/words.ts'
import { ENDPOINTS, OUTCOMES, PROVIDERS } from '../words.ts'
import { EXPORT_FORMATS } from './exports.ts'
import { id, ids, instant, line, MAX_LIMIT, model, page } from './primitives.ts'

/** `range`, or `from` (inclusive) to `to` (exclusive, default now). Unasked: the last hour. */
const span = {
  range: z.enum(RANGES).optional(),
  from: instant.optional(),
  to: instant.optional(),
}

/** Dimensions of requests; a user or a key beside another filter is answered from the ledger, for at most 7 days. */
const filters = {
  provider: z.enum(PROVIDERS).optional(),
  groupId: id.optional(),
  accountId: id.optional(),
  model: model.optional(),
  endpoint: z.enum(ENDPOINTS).optional(),
  userId: id.optional(),
  keyId: id.optional(),
}

const window = { ...span, ...filters }

export const opsOverview = z.strictObject(window).prefault({})

export const MAX_HISTORY = 5_000
export const DEFAULT_HISTORY = 300

const historyFilters = {
  ...span,
  windowMinutes: z.union([z.literal(1), z.literal(5)]).default(1),
  /** One instance; left out = all of them together. */
  instanceId: line(80).optional(),
}

export const opsMetricsHistory = z
  .strictObject({ ...historyFilters, limit: z.int().min(1).max(MAX_HISTORY).default(DEFAULT_HISTORY) })
  .prefault({})

/** A line over time; what it is cut into fits the range. */
export const opsSeries = z.strictObject(window).prefault({})

export const MEASURED_TIMES = ['latency', 'ttft', 'gateway'] as const
export type MeasuredTime = (typeof MEASURED_TIMES)[number]

export const opsLatencyHistogram = z
  .strictObject({ ...window, time: z.enum(MEASURED_TIMES).default('latency') })
  .prefault({})

export const ERROR_GROUPINGS = [
  'code',
  'owner',
  'phase',
  'severity',
  'account',
  'provider',
  'model',
  'group',
  'endpoint',
] as const
export type ErrorGrouping = (typeof ERROR_GROUPINGS)[number]

export const opsErrorDistribution = z
  .strictObject({ ...window, groupBy: z.enum(ERROR_GROUPINGS).default('code') })
  .prefault({})

export const STAT_GROUPINGS = ['provider', 'group', 'account', 'model', 'endpoint', 'user', 'key'] as const
export type StatGrouping = (typeof STAT_GROUPINGS)[number]

export const STAT_MEASURES = [
  'requests',
  'errors',
  'errorRate',
  'upstreamErrorRate',
  'tokens',
  'cost',
  'billed',
  'latencyP95',
  'ttftP95',
  'gatewayP95',
] as const
export type StatMeasure = (typeof STAT_MEASURES)[number]

const statFilters = {
  ...window,
  groupBy: z.enum(STAT_GROUPINGS),
  measure: z.enum(STAT_MEASURES).default('requests'),
}

export const opsDimensionStats = z.strictObject({ ...statFilters, limit: z.int().min(1).max(MAX_LIMIT).default(20) })

export const opsRetentionSet = z.strictObject({
  tableName: line(60),
  /** Null = for ever; nothing is kept for no time. */
  days: z.int().min(1).max(36_500).nullable(),
  enabled: z.boolean().optional(),
})

export type OpsWindow = z.output<typeof opsOverview>
export type OpsMetricsHistory = z.output<typeof opsMetricsHistory>
export type OpsLatencyHistogram = z.output<typeof opsLatencyHistogram>
export type OpsErrorDistribution = z.output<typeof opsErrorDistribution>
export type OpsDimensionStats = z.output<typeof opsDimensionStats>
export type OpsRetentionSet = z.output<typeof opsRetentionSet>

const status = z.int().min(100).max(599).optional()

const errorFilters = {
  ...window,
  phase: z.enum(ERROR_PHASES).optional(),
  owner: z.enum(ERROR_OWNERS).optional(),
  severity: z.enum(ERROR_SEVERITIES).optional(),
  source: z.enum(ERROR_SOURCES).optional(),
  code: line(80).optional(),
  status,
  resolved: z.boolean().optional(),
  requestId: z.uuid().optional(),
  instanceId: line(80).optional(),
  /** Finds text in message, code, path and the upstream's body. */
  query: line(200).optional(),
}

export const opsErrorsList = z.strictObject({ ...errorFilters, ...page }).prefault({})
export type OpsErrorsList = z.output<typeof opsErrorsList>

export const opsErrorsGet = z.strictObject({ id })

export const opsErrorsResolve = z.strictObject({
  ids: ids.pipe(z.array(id).min(1)),
  resolved: z.boolean().default(true),
})
export type OpsErrorsResolve = z.output<typeof opsErrorsResolve>

const requestFilters = {
  ...span,
  kind: z.enum(['request', 'refusal']).optional(),
  userId: id.optional(),
  keyId: id.optional(),
  groupId: id.optional(),
  /** Of the ledger only: what was turned away has neither. */
  accountId: id.optional(),
  outcome: z.enum(OUTCOMES).optional(),
  model: model.optional(),
  endpoint: z.enum(ENDPOINTS).optional(),
  status,
  code: line(80).optional(),
  /** Found by the time in it, where no span is asked for. */
  requestId: z.uuid().optional(),
  /** As the caller named it; unasked: of the last 7 days. */
  clientRequestId: line(128).optional(),
}

/** Requests of the ledger, and those that were turned away before they came into it. Unasked: the last 24 hours. */
export const opsRequestsList = z.strictObject({ ...requestFilters, ...page }).prefault({})
export type OpsRequestsList = z.output<typeof opsRequestsList>

export const opsRequestsGet = z.strictObject({ requestId: z.uuid() })

export const opsLeasesList = z
  .strictObject({
    ...page,
    userId: id.optional(),
    keyId: id.optional(),
    groupId: id.optional(),
    accountId: id.optional(),
    model: model.optional(),
    instanceId: line(80).optional(),
  })
  .prefault({})
export type OpsLeasesList = z.output<typeof opsLeasesList>

export const opsLeasesRelease = z.strictObject({ requestId: z.uuid() })

const format = z.enum(EXPORT_FORMATS).default('csv')

/** All that a list, or a table, would show page by page; of the last 24 hours, or as each says. */
export const opsExport = z.discriminatedUnion('what', [
  z.strictObject({ what: z.literal('requests'), format, ...requestFilters }),
  z.strictObject({ what: z.literal('errors'), format, ...errorFilters }),
  z.strictObject({ what: z.literal('metricsHistory'), format, ...historyFilters }),
  z.strictObject({ what: z.literal('dimensionStats'), format, ...statFilters }),
])
export type OpsExport = z.output<typeof opsExport>
