import { opsRequestsGet, opsRequestsList } from '@turnpike/core/inputs/ops'
import { procedure, router } from '../../../trpc.ts'

export const requestsRouter = router({
  list: procedure('ops:read')
    .input(opsRequestsList)
    .query(({ ctx, input }) => ctx.services.requests.list(input)),
  get: procedure('ops:read')
    .input(opsRequestsGet)
    .query(({ ctx, input }) => ctx.services.requests.get(input.requestId)),
})
