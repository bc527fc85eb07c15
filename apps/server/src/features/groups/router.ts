import { groupCreate, groupList, groupUpdate } from '@turnpike/core/inputs/groups'
import { byId } from '@turnpike/core/inputs/primitives'
import { procedure, router } from '../../trpc.ts'

export const groupsRouter = router({
  list: procedure('groups:read')
    .input(groupList)
    .query(({ ctx, input }) => ctx.services.groups.list(input)),
  get: procedure('groups:read')
    .input(byId)
    .query(({ ctx, input }) => ctx.services.groups.get(input.id)),
  create: procedure('groups:write')
    .input(groupCreate)
    .mutation(({ ctx, input }) => ctx.services.groups.create(input, ctx.actor)),
  update: procedure('groups:write')
    .input(groupUpdate)
    .mutation(({ ctx, input }) => ctx.services.groups.update(input, ctx.actor)),
  archive: procedure('groups:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.groups.archive(input.id, ctx.actor)),
})
