import { z } from 'zod'
import { DELIVERY_KINDS, DELIVERY_STATUSES } from '../ops/words.ts'
import { id, instant, page } from './primitives.ts'

export const deliveryList = z
  .strictObject({
    channelId: id.optional(),
    ruleId: id.optional(),
    eventId: id.optional(),
    status: z.enum(DELIVERY_STATUSES).optional(),
    kind: z.enum(DELIVERY_KINDS).optional(),
    from: instant.optional(),
    to: instant.optional(),
    ...page,
  })
  .prefault({})

export type DeliveryList = z.output<typeof deliveryList>
