import { silenceCreate, silenceList } from '@turnpike/core/inputs/alert-silences'
import { byId } from '@turnpike/core/inputs/primitives'
import { procedure, router } from '../../../trpc.ts'

export const silencesRouter = router({
  list: procedure('alerts:read')
    .input(silenceList)
    .query(({ ctx, input }) => ctx.services.alertSilences.list(input)),
  create: procedure('alerts:operate')
    .input(silenceCreate)
    .mutation(({ ctx, input }) => ctx.services.alertSilences.create(input, ctx.actor)),
  end: procedure('alerts:operate')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.alertSilences.end(input.id, ctx.actor)),
})
