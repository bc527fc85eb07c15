import { byId } from '@turnpike/core/inputs/primitives'
import { balanceAdjust, userCreate, userList, userUpdate } from '@turnpike/core/inputs/users'
import { type Context, procedure, router } from '../../trpc.ts'
import type { Invitation } from './invite-mail.ts'
import type { Invite, User } from './store.ts'

/** A user with the single-use link by which he sets his password, and whether it is mailed to him; null where he has one already. */
export type InvitedUser = User & { invite: { url: string; expiresAt: string; mailed: boolean } | null }

export const usersRouter = router({
  list: procedure('users:read')
    .input(userList)
    .query(({ ctx, input }) => ctx.services.users.list(input)),
  get: procedure('users:read')
    .input(byId)
    .query(({ ctx, input }) => ctx.services.users.get(input.id)),
  create: procedure('users:write')
    .input(userCreate)
    .mutation(async ({ ctx, input }) => {
      return withLink(ctx, await ctx.services.users.create(input, ctx.identity.role, ctx.actor), 'invite')
    }),
  update: procedure('users:write')
    .input(userUpdate)
    .mutation(({ ctx, input }) => ctx.services.users.update(input, ctx.identity.role, ctx.actor)),
  archive: procedure('users:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.users.archive(input.id, ctx.identity.role, ctx.actor)),
  resetPassword: procedure('users:write')
    .input(byId)
    .mutation(async ({ ctx, input }) => {
      return withLink(ctx, await ctx.services.users.resetPassword(input.id, ctx.identity.role, ctx.actor), 'reset')
    }),
  resetTotp: procedure('owners:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.users.resetTotp(input.id, ctx.actor)),
  adjustBalance: procedure('users:write')
    .input(balanceAdjust)
    .mutation(({ ctx, input }) => ctx.services.users.adjustBalance(input, ctx.actor)),
})

/** Behind the `#` the token stays in the browser: no server and no log sees it on the way. */
async function withLink(
  { services }: Context,
  { user, invite }: { user: User; invite: Invite | null },
  kind: Invitation['kind'],
): Promise<InvitedUser> {
  if (invite === null) return { ...user, invite: null }
  const url = `${services.panelUrl()}/invite#${invite.token}`
  const expiresAt = invite.expiresAt.toISOString()
  const mailed = await services.inviteMail.send({ to: user.email, url, expiresAt, kind })
  return { ...user, invite: { url, expiresAt, mailed } }
}
