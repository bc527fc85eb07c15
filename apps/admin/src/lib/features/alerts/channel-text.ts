import type { ChannelTemplate } from '@turnpike/core/alerts/words'
import type { ChannelType } from '@turnpike/core/ops/words'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'
import type { Channel } from './alert-types.ts'

const TYPES = { email: m.channel_email, webhook: m.channel_webhook } satisfies Record<ChannelType, () => string>

const TEMPLATES = {
  generic: m.template_generic,
  slack: m.template_slack,
  discord: m.template_discord,
  feishu: m.template_feishu,
  dingtalk: m.template_dingtalk,
  wecom: m.template_wecom,
  pagerduty: m.template_pagerduty,
} satisfies Record<ChannelTemplate, () => string>

const OFF: Look = { tone: 'neutral', text: m.channel_disabled }
const ON: Look = { tone: 'ok', text: m.channel_works }
/** Switched off by itself. */
const GONE: Look = { tone: 'bad', text: m.channel_gone }

export function channelTypeText(type: ChannelType): string {
  return TYPES[type]()
}

export function templateText(template: ChannelTemplate): string {
  return TEMPLATES[template]()
}

export function channelLook({ enabled, disabledReason }: Pick<Channel, 'enabled' | 'disabledReason'>): Look {
  if (enabled) return ON
  return disabledReason === null ? OFF : GONE
}

/** Where a channel leads, in one line. */
export function destinationOf({ config }: Pick<Channel, 'config'>): string {
  return 'recipients' in config ? config.recipients.join(', ') : config.url
}
