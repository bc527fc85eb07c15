import { z } from 'zod'
import { CHANNEL_TEMPLATES } from '../alerts/words.ts'
import { ALERT_SEVERITIES, CHANNEL_TYPES } from '../ops/words.ts'
import { email, id, line, page } from './primitives.ts'

const MAX_RECIPIENTS = 50

/** Addresses, each once. */
const recipients = z
  .array(email)
  .min(1)
  .max(MAX_RECIPIENTS)
  .transform((addresses) => [...new Set(addresses)])

const emailConfig = z.strictObject({ recipients })
/** Where it may lead is judged by the egress guard, which also refuses `http`. */
const url = line(2_000).pipe(z.url({ protocol: /^https?$/ }))
const webhookConfig = z.strictObject({ url, template: z.enum(CHANNEL_TEMPLATES).default('generic') })

/** Where a channel leads, as stored and shown. */
export const channelConfig = z.union([emailConfig, webhookConfig])
export type EmailConfig = z.output<typeof emailConfig>
export type WebhookConfig = z.output<typeof webhookConfig>

const settings = {
  name: line(200),
  isDefault: z.boolean(),
  minSeverity: z.enum(ALERT_SEVERITIES),
  /** Messages an hour; what is beyond is counted in one digest. */
  hourlyLimit: z.int().min(1).max(1_000),
  isDeadMan: z.boolean(),
  enabled: z.boolean(),
  /** What the receiver knows a sender by: PagerDuty's integration key, the signing key of Feishu or DingTalk. */
  secret: z
    .string()
    .trim()
    .min(8)
    .max(500)
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces'),
}

const created = {
  name: settings.name,
  isDefault: settings.isDefault.default(false),
  minSeverity: settings.minSeverity.default('info'),
  hourlyLimit: settings.hourlyLimit.default(60),
  enabled: settings.enabled.default(true),
}

/** A webhook is given a signing secret unless it brings one of the receiver's. */
export const channelCreate = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('email'), config: emailConfig, ...created }),
    z.strictObject({
      type: z.literal('webhook'),
      config: webhookConfig,
      secret: settings.secret.optional(),
      isDeadMan: settings.isDeadMan.default(false),
      ...created,
    }),
  ])
  .superRefine((channel, context) => {
    if (channel.type === 'email' || channel.config.template !== 'pagerduty' || channel.secret !== undefined) return
    context.addIssue({ code: 'custom', path: ['secret'], message: 'PagerDuty needs its integration key' })
  })

/** What is left out stays. `version` is the one that was read: a change made meanwhile is not overwritten. */
export const channelUpdate = z.strictObject({
  id,
  version: z.int().positive(),
  name: settings.name.optional(),
  config: channelConfig.optional(),
  isDefault: settings.isDefault.optional(),
  minSeverity: settings.minSeverity.optional(),
  hourlyLimit: settings.hourlyLimit.optional(),
  isDeadMan: settings.isDeadMan.optional(),
  enabled: settings.enabled.optional(),
  secret: settings.secret.optional(),
})

export const channelList = z
  .strictObject({ type: z.enum(CHANNEL_TYPES).optional(), enabled: z.boolean().optional(), ...page })
  .prefault({})

export type ChannelCreate = z.output<typeof channelCreate>
export type ChannelUpdate = z.output<typeof channelUpdate>
export type ChannelList = z.output<typeof channelList>
