import { z } from 'zod'
import { REDEEM_KINDS } from '../words.ts'
import { dollars, id, ids, instant, page, text } from './primitives.ts'

const MAX_CODES = 1_000

export const redeemList = z
  .strictObject({
    kind: z.enum(REDEEM_KINDS).optional(),
    /** `open` = can be redeemed now. */
    status: z.enum(['open', 'redeemed', 'expired']).optional(),
    ...page,
  })
  .prefault({})

const common = {
  count: z.int().min(1).max(MAX_CODES).default(1),
  /** Default: never. */
  expiresAt: instant.nullable().default(null),
  notes: text(500).trim().default(''),
}

export const redeemGenerate = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('balance'),
    amount: dollars.refine((nano) => nano > 0n, 'must be more than 0'),
    ...common,
  }),
  z.strictObject({ kind: z.literal('subscription'), groupId: id, days: z.int().min(1).max(3_650), ...common }),
])

export const redeemExpire = z.strictObject({ ids: ids.refine((given) => given.length > 0, 'names no code') })

export type RedeemList = z.output<typeof redeemList>
export type RedeemGenerate = z.output<typeof redeemGenerate>
export type RedeemExpire = z.output<typeof redeemExpire>
