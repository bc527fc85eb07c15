import { redeemExpire, redeemGenerate, redeemList } from '@turnpike/core/inputs/redeem'
import { procedure, router } from '../../trpc.ts'

export const redeemRouter = router({
  list: procedure('redeem:read')
    .input(redeemList)
    .query(({ ctx, input }) => ctx.services.redeemCodes.list(input)),
  generate: procedure('redeem:write')
    .input(redeemGenerate)
    .mutation(({ ctx, input }) => ctx.services.redeemCodes.generate(input, ctx.actor)),
  expire: procedure('redeem:write')
    .input(redeemExpire)
    .mutation(({ ctx, input }) => ctx.services.redeemCodes.expire(input, ctx.actor)),
})
