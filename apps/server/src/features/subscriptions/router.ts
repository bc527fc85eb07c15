import { byId } from '@turnpike/core/inputs/primitives'
import { subscriptionAssign, subscriptionExtend, subscriptionList } from '@turnpike/core/inputs/subscriptions'
import { procedure, router } from '../../trpc.ts'

export const subscriptionsRouter = router({
  list: procedure('subscriptions:read')
    .input(subscriptionList)
    .query(({ ctx, input }) => ctx.services.subscriptions.list(input)),
  assign: procedure('subscriptions:write')
    .input(subscriptionAssign)
    .mutation(({ ctx, input }) => ctx.services.subscriptions.assign(input, ctx.actor)),
  extend: procedure('subscriptions:write')
    .input(subscriptionExtend)
    .mutation(({ ctx, input }) => ctx.services.subscriptions.extend(input, ctx.actor)),
  revoke: procedure('subscriptions:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.subscriptions.revoke(input.id, ctx.actor)),
  progress: procedure('subscriptions:read')
    .input(byId)
    .query(({ ctx, input }) => ctx.services.subscriptions.progress(input.id)),
})
