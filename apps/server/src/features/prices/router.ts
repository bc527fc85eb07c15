import { priceList, pricePreview, priceQuote, priceRemove, priceSet } from '@turnpike/core/inputs/prices'
import { procedure, router } from '../../trpc.ts'

export const pricesRouter = router({
  list: procedure('prices:read')
    .input(priceList)
    .query(({ ctx, input }) => ctx.services.prices.list(input)),
  set: procedure('prices:write')
    .input(priceSet)
    .mutation(({ ctx, input }) => ctx.services.prices.set(input, ctx.actor)),
  remove: procedure('prices:write')
    .input(priceRemove)
    .mutation(({ ctx, input }) => ctx.services.prices.remove(input.id, ctx.actor)),
  quote: procedure('prices:read')
    .input(priceQuote)
    .query(({ ctx, input }) => ctx.services.prices.quote(input)),
  preview: procedure('prices:read')
    .input(pricePreview)
    .query(({ ctx, input }) => ctx.services.prices.preview(input)),
})
