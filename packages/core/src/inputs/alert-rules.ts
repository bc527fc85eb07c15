import { z } from 'zod'
import { ALERT_METRICS } from '../alerts/metrics.ts'
import { ruleFields, ruleSchema } from '../alerts/rule.ts'
import { ALERT_EVENT_STATUSES, ALERT_SEVERITIES } from '../ops/words.ts'
import { id, instant, line, page, text } from './primitives.ts'

export const alertRuleList = z
  .strictObject({
    enabled: z.boolean().optional(),
    severity: z.enum(ALERT_SEVERITIES).optional(),
    metric: z.enum(ALERT_METRICS).optional(),
    query: line(200).optional(),
    ...page,
  })
  .prefault({})
export type AlertRuleList = z.output<typeof alertRuleList>

export const alertRuleCreate = ruleSchema

/** Members that are left out stay as they are; the whole is checked when they have been put together. */
export const alertRuleUpdate = z
  .strictObject({ ...ruleFields })
  .partial()
  .extend({ id, version: z.int().positive() })
export type AlertRuleUpdate = z.output<typeof alertRuleUpdate>

export const alertRuleSetEnabled = z.strictObject({ id, enabled: z.boolean() })
export type AlertRuleSetEnabled = z.output<typeof alertRuleSetEnabled>

export const PREVIEW_RANGES = ['24h', '7d', '30d'] as const
export type PreviewRange = (typeof PREVIEW_RANGES)[number]

export const alertRulePreview = z.strictObject({ rule: ruleSchema, range: z.enum(PREVIEW_RANGES).default('24h') })
export type AlertRulePreview = z.output<typeof alertRulePreview>

export const alertEventList = z
  .strictObject({
    status: z.enum(ALERT_EVENT_STATUSES).optional(),
    severity: z.enum(ALERT_SEVERITIES).optional(),
    ruleId: id.optional(),
    /** Fired within; `to` is not part of it. */
    from: instant.optional(),
    to: instant.optional(),
    ...page,
  })
  .prefault({})
export type AlertEventList = z.output<typeof alertEventList>

export const alertEventAcknowledge = z.strictObject({ id })

export const alertEventResolve = z.strictObject({ id, note: text(2000).optional() })
export type AlertEventResolve = z.output<typeof alertEventResolve>
