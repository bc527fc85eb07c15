import { acceptInvite, changePassword, login, setup, totpConfirm, totpDisable } from '@turnpike/core/inputs/auth'
import { byId, nothing, page } from '@turnpike/core/inputs/primitives'
import { z } from 'zod'
import { AppError } from '../../shared/app-error.ts'
import { type Permission, ROLE_PERMISSIONS } from '../../shared/permissions.ts'
import { ownProcedure, publicProcedure, router } from '../../trpc.ts'

const sessionList = z.strictObject(page).prefault({})

export const authRouter = router({
  login: publicProcedure()
    .input(login)
    .mutation(async ({ ctx, input }) => {
      if (ctx.transport !== 'http') throw new AppError('invalid_input', { message: 'Sign in over HTTP' })
      const origin = { ip: ctx.clientIp, userAgent: ctx.userAgent }
      const begun = await ctx.services.auth.login(input, origin, ctx.requestId)
      ctx.setSessionCookie(begun)
      return { user: await ctx.services.users.get(begun.userId), expiresAt: begun.expiresAt.toISOString() }
    }),
  acceptInvite: publicProcedure()
    .input(acceptInvite)
    .mutation(async ({ ctx, input }) => {
      if (ctx.transport !== 'http') throw new AppError('invalid_input', { message: 'Sign in over HTTP' })
      const origin = { ip: ctx.clientIp, userAgent: ctx.userAgent }
      const begun = await ctx.services.auth.acceptInvite(input.token, input.password, origin, ctx.requestId)
      ctx.setSessionCookie(begun)
      return { user: await ctx.services.users.get(begun.userId), expiresAt: begun.expiresAt.toISOString() }
    }),
  /** Whether nobody owns this installation yet, so that the panel shows how to. */
  firstRun: publicProcedure()
    .input(nothing)
    .query(async ({ ctx }) => ({ isNeeded: await ctx.services.firstRun.isNeeded() })),
  setup: publicProcedure()
    .input(setup)
    .mutation(async ({ ctx, input: { token, ...owner } }) => {
      if (ctx.transport !== 'http') throw new AppError('invalid_input', { message: 'Sign in over HTTP' })
      const origin = { ip: ctx.clientIp, userAgent: ctx.userAgent }
      const begun = await ctx.services.firstRun.setup(token, owner, origin, ctx.requestId)
      ctx.setSessionCookie(begun)
      return { user: await ctx.services.users.get(begun.userId), expiresAt: begun.expiresAt.toISOString() }
    }),
  logout: ownProcedure()
    .input(nothing)
    .mutation(async ({ ctx }) => {
      ctx.setSessionCookie(null)
      await ctx.services.sessions.revoke(ctx.identity, ctx.identity.sessionId)
      return { signedOut: true }
    }),
  me: ownProcedure()
    .input(nothing)
    .query(async ({ ctx }) => {
      const { userId, role, expiresAt } = ctx.identity
      const permissions: Permission[] = [...ROLE_PERMISSIONS[role]]
      const [user, secondFactor] = await Promise.all([
        ctx.services.users.get(userId),
        ctx.services.secondFactor.stateOf(userId),
      ])
      return { user, permissions, secondFactor, expiresAt: expiresAt.toISOString() }
    }),
  changePassword: ownProcedure()
    .input(changePassword)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.auth.changePassword(ctx.identity, input.currentPassword, input.newPassword, ctx.actor)
      return ctx.services.users.get(ctx.identity.userId)
    }),
  wsTicket: ownProcedure()
    .input(nothing)
    .mutation(({ ctx }) => ctx.services.tickets.issue(ctx.identity.sessionId)),
  totp: router({
    enable: ownProcedure()
      .input(nothing)
      .mutation(({ ctx }) => ctx.services.secondFactor.begin(ctx.identity.userId, ctx.identity.email)),
    confirm: ownProcedure()
      .input(totpConfirm)
      .mutation(({ ctx, input }) => ctx.services.secondFactor.confirm(ctx.identity.userId, input.code, ctx.actor)),
    disable: ownProcedure()
      .input(totpDisable)
      .mutation(async ({ ctx, input }) => {
        await ctx.services.auth.disableSecondFactor(ctx.identity.userId, input.password, input.code, ctx.actor)
        return { enabled: false }
      }),
  }),
  sessions: router({
    list: ownProcedure()
      .input(sessionList)
      .query(({ ctx, input }) => ctx.services.sessions.list(ctx.identity, input.limit, input.cursor)),
    revoke: ownProcedure()
      .input(byId)
      .mutation(({ ctx, input }) => ctx.services.sessions.revoke(ctx.identity, input.id)),
  }),
})
