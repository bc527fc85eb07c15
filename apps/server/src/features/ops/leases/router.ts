import { opsLeasesList, opsLeasesRelease } from '@turnpike/core/inputs/ops'
import { procedure, router } from '../../../trpc.ts'

export const leasesRouter = router({
  list: procedure('ops:read')
    .input(opsLeasesList)
    .query(({ ctx, input }) => ctx.services.leases.list(input)),
  release: procedure('ops:operate')
    .input(opsLeasesRelease)
    .mutation(({ ctx, input }) => ctx.services.leases.release(input.requestId, ctx.actor)),
})
