import { z } from 'zod'
import { SILENCE_STATUSES } from '../alerts/words.ts'
import { ALERT_SEVERITIES, SILENCE_KINDS } from '../ops/words.ts'
import { id, instant, line, page } from './primitives.ts'

const MAX_LABELS = 20
const MAX_DAYS = 366

/** Mutes messages for a time. What is not named is not asked for: nothing named at all mutes everything. */
export const silenceCreate = z
  .strictObject({
    kind: z.enum(SILENCE_KINDS).default('silence'),
    ruleId: id.nullish(),
    severities: z
      .array(z.enum(ALERT_SEVERITIES))
      .default([])
      .transform((severities) => [...new Set(severities)]),
    /** Each must be there with this very value. */
    labels: z
      .record(line(100), line(500))
      .default({})
      .refine((labels) => Object.keys(labels).length <= MAX_LABELS, 'too many labels'),
    /** Now, where left out. */
    startsAt: instant.optional(),
    endsAt: instant,
    reason: line(500),
  })
  .superRefine(({ startsAt, endsAt }, context) => {
    if (startsAt === undefined) return
    const ms = endsAt.getTime() - startsAt.getTime()
    if (ms > 0 && ms <= MAX_DAYS * 86_400_000) return
    context.addIssue({ code: 'custom', path: ['endsAt'], message: 'must be after startsAt, within a year' })
  })

export const silenceList = z
  .strictObject({ status: z.enum(SILENCE_STATUSES).optional(), ruleId: id.optional(), ...page })
  .prefault({})

export type SilenceCreate = z.output<typeof silenceCreate>
export type SilenceList = z.output<typeof silenceList>
