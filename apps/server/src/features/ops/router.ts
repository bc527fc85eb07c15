import { tracked } from '@trpc/server'
import { opsExplainRoute } from '@turnpike/core/inputs/explain-route'
import {
  opsDimensionStats,
  opsErrorDistribution,
  opsExport,
  opsLatencyHistogram,
  opsMetricsHistory,
  opsOverview,
  opsRetentionSet,
  opsSeries,
} from '@turnpike/core/inputs/ops'
import { z } from 'zod'
import { procedure, router } from '../../trpc.ts'
import { errorsLive, errorsRouter } from './errors/router.ts'
import { leasesRouter } from './leases/router.ts'
import { requestsRouter } from './requests/router.ts'

const MAX_SECOND = 99_999_999_999

/** `lastEventId` is the epoch second of the last tick the caller has; left out = begin with the next one. */
const liveInput = z
  .strictObject({
    lastEventId: z
      .string()
      .regex(/^\d{1,11}$/, 'must be an epoch second')
      .nullish(),
  })
  .prefault({})

export const opsRouter = router({
  overview: procedure('ops:read')
    .input(opsOverview)
    .query(({ ctx, input }) => ctx.services.ops.overview(input)),
  metricsHistory: procedure('ops:read')
    .input(opsMetricsHistory)
    .query(({ ctx, input }) => ctx.services.ops.metricsHistory(input)),
  throughput: procedure('ops:read')
    .input(opsSeries)
    .query(({ ctx, input }) => ctx.services.ops.throughput(input)),
  errorTrend: procedure('ops:read')
    .input(opsSeries)
    .query(({ ctx, input }) => ctx.services.ops.errorTrend(input)),
  latencyHistogram: procedure('ops:read')
    .input(opsLatencyHistogram)
    .query(({ ctx, input }) => ctx.services.ops.latencyHistogram(input)),
  errorDistribution: procedure('ops:read')
    .input(opsErrorDistribution)
    .query(({ ctx, input }) => ctx.services.ops.errorDistribution(input)),
  dimensionStats: procedure('ops:read')
    .input(opsDimensionStats)
    .query(({ ctx, input }) => ctx.services.ops.dimensionStats(input)),
  providers: procedure('ops:read')
    .input(opsSeries)
    .query(({ ctx, input }) => ctx.services.ops.providers(input)),
  accounts: procedure('ops:read')
    .input(opsSeries)
    .query(({ ctx, input }) => ctx.services.ops.accounts(input)),
  export: procedure('ops:read')
    .input(opsExport)
    .mutation(({ ctx, input }) => ctx.services.exports.order(ctx.services.orderOps(input), ctx.identity.userId)),
  jobs: procedure('ops:read').query(({ ctx }) => ctx.services.ops.jobs()),
  storage: procedure('ops:read').query(({ ctx }) => ctx.services.ops.storage()),
  retention: router({
    get: procedure('ops:read').query(({ ctx }) => ctx.services.ops.retention()),
    set: procedure('settings:write')
      .input(opsRetentionSet)
      .mutation(({ ctx, input }) => ctx.services.ops.setRetention(input, ctx.actor)),
  }),
  concurrency: procedure('ops:read').query(({ ctx }) => ctx.services.leases.concurrency()),
  leases: leasesRouter,
  requests: requestsRouter,
  explainRoute: procedure('ops:read')
    .input(opsExplainRoute)
    .query(({ ctx, input }) => ctx.services.explainRoute(input)),
  errors: errorsRouter,
  errorsLive,
  live: procedure('ops:read')
    .input(liveInput)
    .subscription(async function* ({ ctx, input, signal = new AbortController().signal }) {
      const afterSecond = input.lastEventId ? Math.min(Number(input.lastEventId), MAX_SECOND) : null
      const leave = ctx.occupy('subscription')
      try {
        const ticks = ctx.services.live.subscribe({ afterSecond, signal, isSlow: ctx.isSlow })
        for await (const { second, tick } of ticks) yield tracked(String(second), tick)
      } finally {
        leave()
      }
    }),
})
