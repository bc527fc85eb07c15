import { opsErrorLogs, opsSystemMetrics } from '@turnpike/db/schema'
import { getTableColumns } from 'drizzle-orm'
import type { Cell } from '../../../shared/exports/export-file.ts'
import type { DimensionStat } from '../queries/dimension-stats.ts'
import type { TimeStats } from '../queries/numbers.ts'
import type { RefusedRequest } from '../requests/requests.ts'

/** What only requests have that were turned away; `count` of them where they were folded. */
export const REFUSAL_COLUMNS = ['count', 'message'] as const

/** Under the names the ledger has for it. */
export function refusalCells(refusal: RefusedRequest): Readonly<Record<string, Cell>> {
  return {
    requestId: refusal.requestId,
    clientRequestId: refusal.clientRequestId,
    createdAt: refusal.createdAt,
    endpoint: refusal.path,
    stream: refusal.stream,
    status: refusal.status,
    errorCode: refusal.code,
    userId: refusal.userId,
    keyId: refusal.keyId,
    groupId: refusal.groupId,
    model: refusal.model,
    queueMs: refusal.queueMs,
    totalMs: refusal.durationMs,
    clientIp: refusal.clientIp,
    userAgent: refusal.userAgent,
    count: refusal.count,
    message: refusal.message,
  }
}

export const ERROR_COLUMNS = Object.keys(getTableColumns(opsErrorLogs))

export const METRICS_COLUMNS = Object.keys(getTableColumns(opsSystemMetrics)).flatMap((name) =>
  name === 'tags' ? [] : name === 'costNano' ? ['cost', name] : [name],
)

const COUNTS = [
  'id',
  'label',
  'value',
  'previous',
  'requests',
  'successes',
  'errors',
  'clientErrors',
  'businessLimited',
  'clientClosed',
  'http4xx',
  'http5xx',
  'timeouts',
  'upstream429',
  'upstream529',
  'attempts',
  'failedAttempts',
  'accountSwitches',
  'inputTokens',
  'cachedInputTokens',
  'outputTokens',
  'cost',
  'costNano',
  'billed',
  'billedNano',
  'successRate',
  'errorRate',
  'upstreamErrorRate',
] as const satisfies readonly (keyof DimensionStat)[]
const TIMES = ['latency', 'ttft', 'gateway'] as const
const SHARES = ['P50', 'P95', 'P99', 'P999', 'Average', 'Max'] as const

/** Counts, then each time with its percentiles in milliseconds. */
export const STAT_COLUMNS = [...COUNTS, ...TIMES.flatMap((time) => SHARES.map((share) => `${time}${share}Ms`))]

export function statCells({ latency, ttft, gatewayMs, ...counts }: DimensionStat): Readonly<Record<string, Cell>> {
  return {
    ...counts,
    ...timeCells('latency', latency),
    ...timeCells('ttft', ttft),
    ...timeCells('gateway', gatewayMs),
  }
}

function timeCells(time: (typeof TIMES)[number], stats: TimeStats): Record<string, Cell> {
  return {
    [`${time}P50Ms`]: stats.p50,
    [`${time}P95Ms`]: stats.p95,
    [`${time}P99Ms`]: stats.p99,
    [`${time}P999Ms`]: stats.p999,
    [`${time}AverageMs`]: stats.average,
    [`${time}MaxMs`]: stats.max,
  }
}
