import { tracked } from '@trpc/server'
import { opsErrorsGet, opsErrorsList, opsErrorsResolve } from '@turnpike/core/inputs/ops'
import { z } from 'zod'
import { procedure, router } from '../../../trpc.ts'

export const errorsRouter = router({
  list: procedure('ops:read')
    .input(opsErrorsList)
    .query(({ ctx, input }) => ctx.services.errors.list(input)),
  get: procedure('ops:read')
    .input(opsErrorsGet)
    .query(({ ctx, input }) => ctx.services.errors.get(input.id)),
  resolve: procedure('ops:operate')
    .input(opsErrorsResolve)
    .mutation(({ ctx, input }) => ctx.services.errors.resolve(input, ctx.actor)),
})

/** `lastEventId` is the id of the last error the caller has; left out = begin with the next one. */
const followInput = z
  .strictObject({
    lastEventId: z
      .string()
      .regex(/^\d{1,15}$/, 'must be an id of an error')
      .nullish(),
  })
  .prefault({})

export const errorsLive = procedure('ops:read')
  .input(followInput)
  .subscription(async function* ({ ctx, input, signal = new AbortController().signal }) {
    const afterId = input.lastEventId ? Number(input.lastEventId) : null
    const leave = ctx.occupy('subscription')
    try {
      const errors = ctx.services.errorsFeed.subscribe({ afterId, signal, isSlow: ctx.isSlow })
      for await (const error of errors) yield tracked(String(error.id), error)
    } finally {
      leave()
    }
  })
