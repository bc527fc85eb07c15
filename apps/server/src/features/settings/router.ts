import { nothing } from '@turnpike/core/inputs/primitives'
import { settingsSet } from '@turnpike/core/inputs/settings'
import { procedure, router } from '../../trpc.ts'

export const settingsRouter = router({
  get: procedure('settings:read')
    .input(nothing)
    .query(({ ctx }) => ctx.services.settings.get()),
  set: procedure('settings:write')
    .input(settingsSet)
    .mutation(({ ctx, input }) => ctx.services.settings.set(input, ctx.actor)),
})
