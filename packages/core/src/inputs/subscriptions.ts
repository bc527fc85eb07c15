import { z } from 'zod'
import { SUBSCRIPTION_STATUSES } from '../words.ts'
import { id, instant, page } from './primitives.ts'

const MAX_DAYS = 3_650
const days = z.int().min(1).max(MAX_DAYS)

export const subscriptionList = z
  .strictObject({
    userId: id.optional(),
    groupId: id.optional(),
    status: z.enum(SUBSCRIPTION_STATUSES).optional(),
    ...page,
  })
  .prefault({})

export const subscriptionAssign = z.strictObject({
  userId: id,
  groupId: id,
  /** Default: now. */
  startsAt: instant.optional(),
  /** Default: the group's `validityDays`. */
  days: days.optional(),
})

export const subscriptionExtend = z.strictObject({ id, days })

export type SubscriptionList = z.output<typeof subscriptionList>
export type SubscriptionAssign = z.output<typeof subscriptionAssign>
export type SubscriptionExtend = z.output<typeof subscriptionExtend>
