import { z } from 'zod'
import { OUTCOMES, USAGE_GROUPINGS } from '../words.ts'
import { EXPORT_FORMATS } from './exports.ts'
import { id, instant, model, page } from './primitives.ts'

const filters = {
  /** Inclusive; default 24 h before `to`. */
  from: instant.optional(),
  /** Exclusive; default now. */
  to: instant.optional(),
  userId: id.optional(),
  keyId: id.optional(),
  groupId: id.optional(),
  accountId: id.optional(),
  model: model.optional(),
  outcome: z.enum(OUTCOMES).optional(),
  requestId: z.uuid().optional(),
}

export const usageList = z.strictObject({ ...filters, ...page }).prefault({})

export const usageGet = z.strictObject({ requestId: z.uuid() })

export const usageSummary = z.strictObject({ ...filters, groupBy: z.enum(USAGE_GROUPINGS).optional() }).prefault({})

/** Times are cut into these, in UTC. */
export const USAGE_BUCKETS = ['minute', 'hour', 'day'] as const
export type UsageBucket = (typeof USAGE_BUCKETS)[number]

/** `bucket`, unasked, fits the range. At most 31 days and 1,000 points. */
export const usageSeries = z
  .strictObject({ ...filters, groupBy: z.enum(USAGE_GROUPINGS).optional(), bucket: z.enum(USAGE_BUCKETS).optional() })
  .prefault({})

export const usageExport = z.strictObject({ ...filters, format: z.enum(EXPORT_FORMATS).default('csv') }).prefault({})

export type UsageFilters = Omit<z.output<typeof usageSummary>, 'groupBy'>
export type UsageList = z.output<typeof usageList>
export type UsageSummary = z.output<typeof usageSummary>
export type UsageSeries = z.output<typeof usageSeries>
export type UsageExport = z.output<typeof usageExport>
