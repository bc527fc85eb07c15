import { byId } from '@turnpike/core/inputs/primitives'
import { tokenCreate, tokenList } from '@turnpike/core/inputs/tokens'
import { procedure, router } from '../../trpc.ts'

export const tokensRouter = router({
  list: procedure('tokens:write')
    .input(tokenList)
    .query(({ ctx, input }) => ctx.services.serviceTokens.list(input)),
  create: procedure('tokens:write')
    .input(tokenCreate)
    .mutation(({ ctx, input }) => ctx.services.serviceTokens.create(input, ctx.identity, ctx.actor)),
  revoke: procedure('tokens:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.serviceTokens.revoke(input.id, ctx.actor)),
})
