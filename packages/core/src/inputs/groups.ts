import { z } from 'zod'
import { BILLING_MODES, GROUP_STATUSES, INSTRUCTION_MODES, ON_BUSY, ON_DISCONNECT, STICKINESS } from '../words.ts'
import { dollars, id, line, models, multiplier, page, perMinute, text, tokensPerMinute } from './primitives.ts'

const DAY_MS = 86_400_000

const milliseconds = z.int().min(1).max(DAY_MS)

const settings = {
  billing: z.enum(BILLING_MODES).optional(),
  rateMultiplier: multiplier.optional(),
  exclusive: z.boolean().optional(),
  models: models.optional(),
  requestsPerMinute: perMinute.optional(),
  tokensPerMinute: tokensPerMinute.optional(),
  instructions: z
    .strictObject({ mode: z.enum(INSTRUCTION_MODES).optional(), text: text(100_000).optional() })
    .optional(),
  onBusy: z.enum(ON_BUSY).optional(),
  onDisconnect: z.enum(ON_DISCONNECT).optional(),
  stickiness: z.enum(STICKINESS).optional(),
  /** Spending a day, a week, a month; null = no limit. */
  limits: z
    .strictObject({
      day: dollars.nullable().optional(),
      week: dollars.nullable().optional(),
      month: dollars.nullable().optional(),
    })
    .optional(),
  validityDays: z.int().min(1).max(36_500).nullable().optional(),
  timeouts: z
    .strictObject({
      connectMs: milliseconds.optional(),
      firstByteMs: milliseconds.optional(),
      idleMs: milliseconds.optional(),
      totalMs: milliseconds.optional(),
    })
    .optional(),
  maxAccountSwitches: z.int().min(0).max(20).optional(),
  assumedOutputTokens: z.int().min(1).max(10_000_000).optional(),
}

export const groupList = z
  .strictObject({
    /** Archived groups are listed only when asked for. */
    status: z.enum(GROUP_STATUSES).optional(),
    query: line(200).optional(),
    ...page,
  })
  .prefault({})

export const groupCreate = z.strictObject({ name: line(200), ...settings })

export const groupUpdate = z.strictObject({
  id,
  name: line(200).optional(),
  status: z.enum(GROUP_STATUSES).exclude(['archived']).optional(),
  ...settings,
})

export type GroupList = z.output<typeof groupList>
export type GroupCreate = z.output<typeof groupCreate>
export type GroupUpdate = z.output<typeof groupUpdate>
