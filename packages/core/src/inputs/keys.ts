import { z } from 'zod'
import { KEY_STATUSES } from '../words.ts'
import { count, dollars, id, instant, line, models, page, perMinute, tokensPerMinute } from './primitives.ts'

const cidr = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])

const settings = {
  expiresAt: instant.nullable().optional(),
  /** Requests in flight; 0 = no limit. */
  concurrency: count.optional(),
  requestsPerMinute: perMinute.optional(),
  tokensPerMinute: tokensPerMinute.optional(),
  spendingLimits: z
    .strictObject({
      total: dollars.nullable().optional(),
      day: dollars.nullable().optional(),
      month: dollars.nullable().optional(),
    })
    .optional(),
  /** Empty = every model of the group. */
  models: models.optional(),
  /** Addresses the key may be used from; empty = everywhere. */
  cidrs: z.array(cidr).max(200).optional(),
}

export const keyList = z
  .strictObject({
    userId: id.optional(),
    groupId: id.optional(),
    status: z.enum(KEY_STATUSES).optional(),
    /** Part of the name, or the public id, or the last four characters. */
    query: line(200).optional(),
    ...page,
  })
  .prefault({})

export const keyCreate = z.strictObject({ userId: id, groupId: id, name: line(200), ...settings })

export const keyUpdate = z.strictObject({
  id,
  name: line(200).optional(),
  groupId: id.optional(),
  status: z.enum(KEY_STATUSES).exclude(['revoked']).optional(),
  ...settings,
})

/** The old key stays valid for the overlap; 0 ends it at once. */
export const keyRotate = z.strictObject({ id, overlapSeconds: z.int().min(0).max(2_592_000).default(86_400) })

export type KeyRotate = z.output<typeof keyRotate>
export type KeyList = z.output<typeof keyList>
export type KeyCreate = z.output<typeof keyCreate>
export type KeyUpdate = z.output<typeof keyUpdate>
