import type { OpsWindow } from '@turnpike/core/inputs/ops'
import { type Span, STEP_MS } from '@turnpike/core/ops/window'
import { isGone } from '@turnpike/db'
import type { Sql } from 'postgres'
import { type Health, healthOf, type SystemState, systemOf, worstResource } from './health.ts'
import { type InstanceResources, instanceResources } from './instance-resources.ts'
import { type SumsRow, statisticsColumns, statisticsOf, type TimeStats, toCounts, toTotals } from './numbers.ts'
import { dimensionOf, isTold, sourceOf } from './source.ts'
import type { Fragment } from './statement.ts'
import { previousOf } from './window-of.ts'

export interface Rate {
  /** Of the last ten seconds. */
  now: number
  /** Of the best of the steps that were read, each `peakSeconds` long. */
  peak: number
  peakSeconds: number
  average: number
}

export interface Overview {
  from: string
  to: string
  generatedAt: string
  health: Health
  sla: { value: number | null; target: number; change: number | null }
  requests: { total: number; success: number; errors: number; client: number; business: number; clientClosed: number }
  rates: { successRate: number | null; errorRate: number | null; upstreamErrorRate: number | null }
  tokens: { input: number; cachedInput: number; output: number }
  cost: string
  costNano: string
  billed: string
  billedNano: string
  accountSwitches: number
  qps: Rate
  tps: Rate
  latency: TimeStats
  ttft: TimeStats
  gatewayMs: TimeStats
  errors: {
    total: number
    http4xx: number
    http5xx: number
    timeout: number
    upstream429: number
    upstream529: number
    top: { code: string; count: number } | null
  }
  resources: InstanceResources[]
  system: SystemState
  accounts: { available: number | null; total: number | null }
  activeAlerts: number
  /** Where an instance was killed: refusals of these seconds may be missing. */
  incomplete: { instanceId: string; from: string; to: string }[]
}

export interface OverviewOptions {
  targets: { slaPercent: number }
  overdueJobs: readonly string[]
  nowMs: number
}

/** A killed instance is known to have written up to here; what it counted after it may have been this much. */
const LOST_AT_MOST_MS = 20_000

type StatisticsRow = SumsRow & {
  topCode: string | null
  topCount: string | null
  peakQps: number | null
  peakTps: number | null
  peakMs: string | null
  nowRequests: string | null
  nowTokens: string | null
}

/** Everything the dashboard begins with; the statistics of a window are one statement. */
export async function overviewOf(
  sql: Sql,
  span: Span,
  filters: OpsWindow,
  options: OverviewOptions,
): Promise<Overview> {
  const [current, before, resources, incomplete, activeAlerts] = await Promise.all([
    statistics(sql, span, filters),
    judged(sql, previousOf(span), filters),
    instanceResources(sql, options.nowMs),
    incompleteSpans(sql, span),
    countActiveAlerts(sql),
  ])
  const totals = toTotals(current)
  const previous = toCounts(before)
  const system = systemOf(resources, options.overdueJobs)
  const seconds = Math.max((span.toMs - span.fromMs) / 1000, 1)
  const worst = worstResource(resources, system)
  const health = await healthOf(sql, totals, worst, resources.length > 0)
  const slaOf = (rate: number | null) => (rate === null ? null : 100 - rate)
  const sla = slaOf(totals.errorRate)
  const slaBefore = slaOf(previous.errorRate)
  const tokens = totals.inputTokens + totals.outputTokens
  const peakSeconds = Number(current?.peakMs ?? STEP_MS.bucket) / 1000
  return {
    from: new Date(span.fromMs).toISOString(),
    to: new Date(span.toMs).toISOString(),
    generatedAt: new Date(options.nowMs).toISOString(),
    health,
    sla: {
      value: sla,
      target: options.targets.slaPercent,
      change: sla === null || slaBefore === null ? null : sla - slaBefore,
    },
    requests: {
      total: totals.requests,
      success: totals.successes,
      errors: totals.errors,
      client: totals.clientErrors,
      business: totals.businessLimited,
      clientClosed: totals.clientClosed,
    },
    rates: {
      successRate: totals.successRate,
      errorRate: totals.errorRate,
      upstreamErrorRate: totals.upstreamErrorRate,
    },
    tokens: { input: totals.inputTokens, cachedInput: totals.cachedInputTokens, output: totals.outputTokens },
    cost: totals.cost,
    costNano: totals.costNano,
    billed: totals.billed,
    billedNano: totals.billedNano,
    accountSwitches: totals.accountSwitches,
    qps: {
      now: Number(current?.nowRequests ?? 0) / (STEP_MS.bucket / 1000),
      peak: current?.peakQps ?? 0,
      peakSeconds,
      average: totals.requests / seconds,
    },
    tps: {
      now: Number(current?.nowTokens ?? 0) / (STEP_MS.bucket / 1000),
      peak: current?.peakTps ?? 0,
      peakSeconds,
      average: tokens / seconds,
    },
    latency: totals.latency,
    ttft: totals.ttft,
    gatewayMs: totals.gatewayMs,
    errors: {
      total: totals.errors,
      http4xx: totals.http4xx,
      http5xx: totals.http5xx,
      timeout: totals.timeouts,
      upstream429: totals.upstream429,
      upstream529: totals.upstream529,
      top: current?.topCode ? { code: current.topCode, count: Number(current.topCount) } : null,
    },
    resources,
    system,
    accounts: {
      available: maximum(resources.map(({ accountsAvailable }) => accountsAvailable)),
      total: maximum(resources.map(({ accountsTotal }) => accountsTotal)),
    },
    activeAlerts,
    incomplete,
  }
}

async function statistics(sql: Sql, span: Span, filters: OpsWindow): Promise<StatisticsRow | undefined> {
  const dimension = dimensionOf(filters)
  // What is cut finely enough to see a peak; of long spans an hour is. Percentiles come from as few rows as there can be.
  const coarsest = span.toMs - span.fromMs <= STEP_MS.day ? 'minute' : 'hour'
  const [source, finer, errors, newest] = await Promise.all([
    sourceOf(sql, span, filters, { dimension }),
    sourceOf(sql, span, filters, { dimension, coarsest }),
    isTold(span, filters, 'error') ? sourceOf(sql, span, filters, { dimension: 'error' }) : null,
    sourceOf(sql, { fromMs: span.toMs - STEP_MS.bucket, toMs: span.toMs }, filters, { dimension }),
  ])
  const [row] = await sql<StatisticsRow[]>`
    with source as (${source.rows}), ${statisticsOf(sql, '1')},
      errors as (${errors?.rows ?? noErrors(sql)}),
      top as (
        select code, sum(requests) as count from errors where code is not null and requests > 0
        group by code order by 2 desc, 1 limit 1),
      finer as (${finer.rows}),
      steps as (
        select length_ms, 1000.0 * sum(requests) / length_ms as qps,
          1000.0 * sum(input_tokens + output_tokens) / length_ms as tps
        from finer group by bucket, length_ms),
      peak as (
        select max(qps)::float8 as qps, max(tps)::float8 as tps from steps
        where length_ms = (select max(length_ms) from steps)),
      newest as (${newest.rows})
    select ${statisticsColumns(sql)}, top.code as "topCode", top.count::text as "topCount",
      peak.qps as "peakQps", peak.tps as "peakTps", (select max(length_ms) from steps)::text as "peakMs",
      (select sum(requests) from newest)::text as "nowRequests",
      (select sum(input_tokens + output_tokens) from newest)::text as "nowTokens"
    from sums s left join histograms h using (kid) left join top on true left join peak on true`
  return row
}

/** What a person's requests of long ago failed by is not kept. */
function noErrors(sql: Sql): Fragment {
  return sql`select null::text as code, 0::bigint as requests where false`
}

/** What the SLA of a span is made of. */
async function judged(sql: Sql, span: Span, filters: OpsWindow): Promise<SumsRow | undefined> {
  const source = await sourceOf(sql, span, filters, { dimension: dimensionOf(filters) })
  const [row] = await sql<SumsRow[]>`
    select sum(successes)::text as successes, sum(errors)::text as errors from (${source.rows}) as source`
  return row
}

async function incompleteSpans(sql: Sql, { fromMs, toMs }: Span): Promise<Overview['incomplete']> {
  const rows = await sql<{ instanceId: string; flushedTo: Date }[]>`
    select instance_id as "instanceId", flushed_to as "flushedTo" from ops_instances as life
    where ${isGone(sql)} and flushed_to > ${new Date(fromMs - LOST_AT_MOST_MS)} and flushed_to < ${new Date(toMs)}
    order by flushed_to, boot_id limit 100`
  return rows.map(({ instanceId, flushedTo }) => ({
    instanceId,
    from: flushedTo.toISOString(),
    to: new Date(flushedTo.getTime() + LOST_AT_MOST_MS).toISOString(),
  }))
}

async function countActiveAlerts(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from ops_active_alerts`
  return row?.count ?? 0
}

function maximum(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values)
}
