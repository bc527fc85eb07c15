import { byId } from '@turnpike/core/inputs/primitives'
import { userCreate, userList, userUpdate } from '@turnpike/core/inputs/users'
import { procedure, router } from '../../trpc.ts'
import type { User } from './store.ts'

/** A new user; `invite` is the single-use link for one created without a password, where invitations are set up. */
export type CreatedUser = User & { invite: { url: string; expiresAt: string } | null }

export const usersRouter = router({
  list: procedure('users:read')
    .input(userList)
    .query(({ ctx, input }) => ctx.services.users.list(input)),
  get: procedure('users:read')
    .input(byId)
    .query(({ ctx, input }) => ctx.services.users.get(input.id)),
  create: procedure('users:write')
    .input(userCreate)
    .mutation(async ({ ctx, input }): Promise<CreatedUser> => {
      return { ...(await ctx.services.users.create(input, ctx.identity.role)), invite: null }
    }),
  update: procedure('users:write')
    .input(userUpdate)
    .mutation(({ ctx, input }) => ctx.services.users.update(input, ctx.identity.role)),
  archive: procedure('users:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.users.archive(input.id, ctx.identity.role)),
})
