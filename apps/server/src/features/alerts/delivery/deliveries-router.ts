import { deliveryList } from '@turnpike/core/inputs/alert-deliveries'
import { byId } from '@turnpike/core/inputs/primitives'
import { procedure, router } from '../../../trpc.ts'

export const deliveriesRouter = router({
  list: procedure('alerts:read')
    .input(deliveryList)
    .query(({ ctx, input }) => ctx.services.alertDeliveries.list(input)),
  retry: procedure('alerts:operate')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.alertDeliveries.retry(input.id, ctx.actor)),
})
