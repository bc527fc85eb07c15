import { tracked } from '@trpc/server'
import { alertEventAcknowledge, alertEventList, alertEventResolve } from '@turnpike/core/inputs/alert-rules'
import { byId } from '@turnpike/core/inputs/primitives'
import { z } from 'zod'
import { procedure, router } from '../../../trpc.ts'

export const alertEventsRouter = router({
  list: procedure('alerts:read')
    .input(alertEventList)
    .query(({ ctx, input }) => ctx.services.alertEvents.list(input)),
  get: procedure('alerts:read')
    .input(byId)
    .query(({ ctx, input }) => ctx.services.alertEvents.get(input.id)),
  acknowledge: procedure('alerts:operate')
    .input(alertEventAcknowledge)
    .mutation(({ ctx, input }) => ctx.services.alertEvents.acknowledge(input.id, ctx.identity.userId, ctx.actor)),
  resolve: procedure('alerts:operate')
    .input(alertEventResolve)
    .mutation(({ ctx, input }) => ctx.services.alertEvents.resolve(input, ctx.identity.userId, ctx.actor)),
})

/** `lastEventId` is the number of the last change the caller has; left out = begin with the next one. */
const followInput = z
  .strictObject({
    lastEventId: z
      .string()
      .regex(/^\d{1,15}$/, 'must be the number of a change')
      .nullish(),
  })
  .prefault({})

export const alertsLive = procedure('alerts:read')
  .input(followInput)
  .subscription(async function* ({ ctx, input, signal = new AbortController().signal }) {
    const afterRevision = input.lastEventId ? Number(input.lastEventId) : null
    const leave = ctx.occupy('subscription')
    try {
      const changes = ctx.services.alertEventsFeed.subscribe({ afterRevision, signal, isSlow: ctx.isSlow })
      for await (const { revision, event } of changes) yield tracked(String(revision), event)
    } finally {
      leave()
    }
  })
