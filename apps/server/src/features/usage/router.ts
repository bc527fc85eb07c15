import { usageExport, usageGet, usageList, usageSeries, usageSummary } from '@turnpike/core/inputs/usage'
import { procedure, router } from '../../trpc.ts'

export const usageRouter = router({
  list: procedure('usage:read')
    .input(usageList)
    .query(({ ctx, input }) => ctx.services.usage.list(input)),
  get: procedure('usage:read')
    .input(usageGet)
    .query(({ ctx, input }) => ctx.services.usage.get(input.requestId)),
  summary: procedure('usage:read')
    .input(usageSummary)
    .query(({ ctx, input }) => ctx.services.usage.summary(input)),
  series: procedure('usage:read')
    .input(usageSeries)
    .query(({ ctx, input }) => ctx.services.usage.series(input)),
  export: procedure('usage:read')
    .input(usageExport)
    .mutation(({ ctx, input }) => ctx.services.exports.order(ctx.services.orderUsage(input), ctx.identity.userId)),
})
