import { tracked } from '@trpc/server'
import { z } from 'zod'
import { procedure, router } from '../../trpc.ts'

const MAX_SECOND = 99_999_999_999

/** `lastEventId` is the epoch second of the last tick the caller has; left out = begin with the next one. */
const liveInput = z
  .strictObject({
    lastEventId: z
      .string()
      .regex(/^\d{1,11}$/, 'must be an epoch second')
      .nullish(),
  })
  .prefault({})

export const opsRouter = router({
  live: procedure('ops:read')
    .input(liveInput)
    .subscription(async function* ({ ctx, input, signal = new AbortController().signal }) {
      const afterSecond = input.lastEventId ? Math.min(Number(input.lastEventId), MAX_SECOND) : null
      const leave = ctx.occupy('subscription')
      try {
        const ticks = ctx.services.live.subscribe({ afterSecond, signal, isSlow: ctx.isSlow })
        for await (const { second, tick } of ticks) yield tracked(String(second), tick)
      } finally {
        leave()
      }
    }),
})
