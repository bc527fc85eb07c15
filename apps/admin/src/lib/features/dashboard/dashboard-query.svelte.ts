import type { StatGrouping } from '@turnpike/core/inputs/ops'
import { createQuery } from '#lib/api/query.svelte.ts'
import { getApp } from '#lib/app-context.ts'
import { opsSpan, type TimeRange } from '#lib/time-range/time-range.ts'
import { spanBefore } from './span-before.ts'

const EVERY_MS = 10_000
const COMPARED = 8
const SPENDERS = 5

/** Everything the dashboard shows of a range, in two requests: what the period before was can be asked only then. */
export function createDashboard(range: () => TimeRange, groupBy: () => StatGrouping) {
  const { api } = getApp()

  async function load(signal: AbortSignal) {
    const window = opsSpan(range())
    const by = groupBy()
    const [overview, throughput, errorTrend, compared, histogram, errors, spenders, jobs] = await Promise.all([
      api.ops.overview.query(window, { signal }),
      api.ops.throughput.query(window, { signal }),
      api.ops.errorTrend.query(window, { signal }),
      api.ops.dimensionStats.query({ ...window, groupBy: by, limit: COMPARED }, { signal }),
      api.ops.latencyHistogram.query(window, { signal }),
      api.ops.errorDistribution.query(window, { signal }),
      api.ops.dimensionStats.query({ ...window, groupBy: 'user', measure: 'billed', limit: SPENDERS }, { signal }),
      api.ops.jobs.query(undefined, { signal }),
    ])
    const before = spanBefore(throughput)
    const [throughputBefore, errorTrendBefore] = await Promise.all([
      api.ops.throughput.query(before, { signal }),
      api.ops.errorTrend.query(before, { signal }),
    ])
    return {
      overview,
      throughput,
      errorTrend,
      compared,
      histogram,
      errors,
      spenders,
      jobs,
      throughputBefore,
      errorTrendBefore,
    }
  }

  return createQuery(load, { everyMs: EVERY_MS })
}

export type DashboardData = NonNullable<ReturnType<typeof createDashboard>['data']>
