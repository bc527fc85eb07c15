import { nothing } from '@turnpike/core/inputs/primitives'
import { procedure, router } from '../../trpc.ts'
import { faultInput } from './fault-input.ts'

export const sandboxRouter = router({
  status: procedure('ops:read')
    .input(nothing)
    .query(({ ctx }) => ctx.services.sandbox.status()),
  setFault: procedure('ops:operate')
    .input(faultInput)
    .mutation(({ ctx, input }) => ctx.services.sandbox.setFault(input, ctx.actor)),
  clear: procedure('ops:operate')
    .input(nothing)
    .mutation(({ ctx }) => ctx.services.sandbox.clear(ctx.actor)),
})
