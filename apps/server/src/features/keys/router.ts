import { keyCreate, keyList, keyRotate, keyUpdate } from '@turnpike/core/inputs/keys'
import { byId } from '@turnpike/core/inputs/primitives'
import { procedure, router } from '../../trpc.ts'

export const keysRouter = router({
  list: procedure('keys:read')
    .input(keyList)
    .query(({ ctx, input }) => ctx.services.keys.list(input)),
  get: procedure('keys:read')
    .input(byId)
    .query(({ ctx, input }) => ctx.services.keys.get(input.id)),
  create: procedure('keys:write')
    .input(keyCreate)
    .mutation(({ ctx, input }) => ctx.services.keys.create(input, ctx.actor)),
  update: procedure('keys:write')
    .input(keyUpdate)
    .mutation(({ ctx, input }) => ctx.services.keys.update(input, ctx.actor)),
  revoke: procedure('keys:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.keys.revoke(input.id, ctx.actor)),
  rotate: procedure('keys:write')
    .input(keyRotate)
    .mutation(({ ctx, input }) => ctx.services.keys.rotate(input, ctx.actor)),
})
