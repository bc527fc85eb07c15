import { keyRotate } from '@turnpike/core/inputs/keys'
import {
  myErrorList,
  myKeyCreate,
  myPage,
  myPlaygroundKey,
  myRedeem,
  myUsageList,
  myUsageSeries,
  myUsageSummary,
} from '@turnpike/core/inputs/my'
import { byId, nothing } from '@turnpike/core/inputs/primitives'
import { usageGet } from '@turnpike/core/inputs/usage'
import { AppError } from '../../shared/app-error.ts'
import { procedure, router } from '../../trpc.ts'
import { toOwnRequest, toOwnRequestDetail } from './own-request.ts'

const self = () => procedure('self')

const keys = router({
  list: self()
    .input(myPage)
    .query(({ ctx, input }) => ctx.services.keys.list({ ...input, userId: ctx.identity.userId })),
  create: self()
    .input(myKeyCreate)
    .mutation(async ({ ctx, input }) => {
      const { my, keys } = ctx.services
      const { userId } = ctx.identity
      await my.groups.assertUsable(userId, input.groupId)
      await my.keys.assertRoomForOne(userId)
      return keys.create({ ...input, userId }, ctx.actor)
    }),
  revoke: self()
    .input(byId)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.my.keys.assertOwn(ctx.identity.userId, input.id)
      return ctx.services.keys.revoke(input.id, ctx.actor)
    }),
  rotate: self()
    .input(keyRotate)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.my.keys.assertOwn(ctx.identity.userId, input.id)
      return ctx.services.keys.rotate(input, ctx.actor)
    }),
})

const usage = router({
  list: self()
    .input(myUsageList)
    .query(async ({ ctx, input }) => {
      const { items, nextCursor } = await ctx.services.usage.list({ ...input, userId: ctx.identity.userId })
      return { items: items.map(toOwnRequest), nextCursor }
    }),
  summary: self()
    .input(myUsageSummary)
    .query(({ ctx, input }) => ctx.services.usage.summary({ ...input, userId: ctx.identity.userId })),
  series: self()
    .input(myUsageSeries)
    .query(({ ctx, input }) => ctx.services.usage.series({ ...input, userId: ctx.identity.userId })),
})

const requests = router({
  get: self()
    .input(usageGet)
    .query(async ({ ctx, input }) => {
      const request = await ctx.services.usage.get(input.requestId)
      if (request.userId !== ctx.identity.userId) throw new AppError('not_found', { field: 'requestId' })
      return toOwnRequestDetail(request)
    }),
})

/** What everybody may ask and do for himself; nothing here names another user. */
export const myRouter = router({
  profile: self()
    .input(nothing)
    .query(({ ctx }) => ctx.services.my.profile(ctx.identity.userId)),
  limits: self()
    .input(nothing)
    .query(({ ctx }) => ctx.services.my.limits(ctx.identity.userId)),
  groups: self()
    .input(myPage)
    .query(({ ctx, input }) => ctx.services.my.groups.list(ctx.identity.userId, input)),
  keys,
  playgroundKey: self()
    .input(myPlaygroundKey)
    .mutation(async ({ ctx, input }) => {
      const { my, keys } = ctx.services
      const { userId } = ctx.identity
      await my.groups.assertUsable(userId, input.groupId)
      await my.keys.assertRoomForOne(userId)
      return keys.mintForPlayground(userId, input.groupId, ctx.actor)
    }),
  usage,
  errors: router({
    list: self()
      .input(myErrorList)
      .query(({ ctx, input }) => ctx.services.my.errors.list(ctx.identity.userId, input)),
  }),
  requests,
  redeem: self()
    .input(myRedeem)
    .mutation(({ ctx, input }) => ctx.services.redeemCodes.redeem(ctx.identity.userId, input.code, ctx.actor)),
})
