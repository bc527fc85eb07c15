import type { Sql } from 'postgres'
import type { InstanceResources } from './instance-resources.ts'
import type { toTotals } from './numbers.ts'

export interface HealthPart {
  name: 'availability' | 'upstream_errors' | 'gateway_ms' | 'ttft' | 'resources'
  points: number
  max: number
  value: number | null
  /** What is behind the value, where it is not the value itself: a resource's name, what is down, a job. */
  why: string | null
}

export interface Health {
  /** 0–100. */
  score: number
  state: 'ok' | 'idle' | 'no_data'
  parts: HealthPart[]
  worst: HealthPart['name'] | null
}

export interface SystemState {
  postgres: 'ok' | 'away'
  redis: 'ok' | 'away' | 'none'
  jobs: 'ok' | 'overdue'
  overdueJobs: string[]
}

type HealthJson = {
  score: number
  parts: { name: HealthPart['name']; points: number; max: number; value: number | null }[]
}

/** The score as the database computes it (ops.md, "Health score"); `isWatched`: there is an instance that measures. */
export async function healthOf(
  sql: Sql,
  totals: ReturnType<typeof toTotals>,
  worst: { percent: number | null; why: string | null },
  isWatched: boolean,
): Promise<Health> {
  const [row] = await sql<{ health: HealthJson }[]>`
    select calculate_health_score(${totals.successRate}, ${totals.upstreamErrorRate}, ${totals.gatewayMs.p99},
      ${totals.ttft.p99}, ${worst.percent}, ${totals.requests}::bigint) as health`
  const parts = (row?.health.parts ?? []).map((part) => ({
    ...part,
    why: part.name === 'resources' ? worst.why : null,
  }))
  const lacking = parts.toSorted((a, b) => b.max - b.points - (a.max - a.points))[0]
  return {
    score: row?.health.score ?? 0,
    state: totals.requests > 0 ? 'ok' : isWatched ? 'idle' : 'no_data',
    parts,
    worst: lacking !== undefined && lacking.points < lacking.max ? lacking.name : null,
  }
}

/** Percent of what is used most; above 100: something is down, or overdue. */
export function worstResource(resources: readonly InstanceResources[], system: SystemState) {
  if (system.postgres === 'away') return { percent: 101, why: 'postgres' }
  if (system.redis === 'away') return { percent: 101, why: 'redis' }
  if (system.jobs === 'overdue') return { percent: 101, why: `job ${system.overdueJobs[0] ?? ''}`.trim() }
  const used = resources.flatMap((sample) => [
    { percent: sample.cpuUsagePercent, why: `cpu ${sample.instanceId}` },
    { percent: sample.memoryUsagePercent, why: `memory ${sample.instanceId}` },
    { percent: Math.min(sample.eventLoopDelayP99Ms, 100), why: `event loop ${sample.instanceId}` },
    {
      percent: sample.diskUsed === null || !sample.diskTotal ? null : (100 * sample.diskUsed) / sample.diskTotal,
      why: `disk ${sample.instanceId}`,
    },
    { percent: sample.dbConnWaiting ? 90 : null, why: `database pool ${sample.instanceId}` },
  ])
  const known = used.flatMap(({ percent, why }) => (percent === null ? [] : [{ percent, why }]))
  return known.toSorted((a, b) => b.percent - a.percent)[0] ?? { percent: null, why: null }
}

/** What every instance leans on: away where one of them cannot reach it. */
export function systemOf(resources: readonly InstanceResources[], overdueJobs: readonly string[]): SystemState {
  const redis = resources.flatMap(({ redisConn }) => (redisConn === null ? [] : [redisConn]))
  return {
    postgres: resources.some(({ isDatabaseAway }) => isDatabaseAway) ? 'away' : 'ok',
    redis: redis.length === 0 ? 'none' : redis.includes(0) ? 'away' : 'ok',
    jobs: overdueJobs.length > 0 ? 'overdue' : 'ok',
    overdueJobs: [...overdueJobs],
  }
}
