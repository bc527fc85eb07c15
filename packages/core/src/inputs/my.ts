import { z } from 'zod'
import { OUTCOMES } from '../words.ts'
import { keyCreate } from './keys.ts'
import { id, instant, model, page } from './primitives.ts'
import { USAGE_BUCKETS } from './usage.ts'

/** What a user may group his own requests by: nothing of what is behind the gateway. */
export const MY_USAGE_GROUPINGS = ['key', 'group', 'model', 'endpoint'] as const

const window = {
  /** Inclusive; default 24 h before `to`. */
  from: instant.optional(),
  /** Exclusive; default now. */
  to: instant.optional(),
  keyId: id.optional(),
  groupId: id.optional(),
  model: model.optional(),
}

const filters = { ...window, outcome: z.enum(OUTCOMES).optional(), requestId: z.uuid().optional() }

const groupBy = z.enum(MY_USAGE_GROUPINGS).optional()

export const myPage = z.strictObject(page).prefault({})

export const myKeyCreate = keyCreate.pick({
  name: true,
  groupId: true,
  expiresAt: true,
  concurrency: true,
  spendingLimits: true,
  models: true,
})

/** Whose accounts and rules are tried. */
export const myPlaygroundKey = z.strictObject({ groupId: id })

export const myUsageList = z.strictObject({ ...filters, ...page }).prefault({})

export const myUsageSummary = z.strictObject({ ...filters, groupBy }).prefault({})

export const myUsageSeries = z
  .strictObject({ ...filters, groupBy, bucket: z.enum(USAGE_BUCKETS).optional() })
  .prefault({})

export const myErrorList = z.strictObject({ ...window, ...page }).prefault({})

export const myRedeem = z.strictObject({ code: z.string().max(100) })

export type MyPage = z.output<typeof myPage>
export type MyErrorList = z.output<typeof myErrorList>
