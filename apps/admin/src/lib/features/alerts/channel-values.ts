import type { ChannelTemplate } from '@turnpike/core/alerts/words'
import type { channelCreate, channelUpdate } from '@turnpike/core/inputs/alert-channels'
import type { AlertSeverity, ChannelType } from '@turnpike/core/ops/words'
import type { z } from 'zod'
import { changed } from '#lib/forms/changed.ts'
import { orNull, parseLines, parseWhole } from '#lib/forms/lines.ts'
import type { Channel } from './alert-types.ts'

/** A channel as the form holds it. */
export interface ChannelValues {
  name: string
  type: ChannelType
  /** One per line. */
  recipients: string
  url: string
  template: ChannelTemplate
  /** Empty = made by the server, or left as it is. */
  secret: string
  isDefault: boolean
  minSeverity: AlertSeverity
  hourlyLimit: string
  isDeadMan: boolean
  enabled: boolean
}

export function valuesOfChannel(channel: Channel | null): ChannelValues {
  const config = channel?.config ?? null
  return {
    name: channel?.name ?? '',
    type: channel?.type ?? 'webhook',
    recipients: config && 'recipients' in config ? config.recipients.join('\n') : '',
    url: config && 'url' in config ? config.url : '',
    template: config && 'template' in config ? config.template : 'generic',
    secret: '',
    isDefault: channel?.isDefault ?? true,
    minSeverity: channel?.minSeverity ?? 'info',
    hourlyLimit: String(channel?.hourlyLimit ?? 60),
    isDeadMan: channel?.isDeadMan ?? false,
    enabled: channel?.enabled ?? true,
  }
}

export function channelCreateInput(values: ChannelValues): z.input<typeof channelCreate> {
  const common = commonMembers(values)
  return values.type === 'email'
    ? { type: 'email', config: emailConfig(values), ...common }
    : {
        type: 'webhook',
        config: webhookConfig(values),
        isDeadMan: values.isDeadMan,
        ...common,
        ...given(values.secret),
      }
}

/** Only what was changed since the form was opened. */
export function channelUpdateInput(channel: Channel, values: ChannelValues): z.input<typeof channelUpdate> {
  const members = (each: ChannelValues) => ({
    ...commonMembers(each),
    config: channel.type === 'email' ? emailConfig(each) : webhookConfig(each),
    ...(channel.type === 'webhook' ? { isDeadMan: each.isDeadMan } : {}),
  })
  return {
    id: channel.id,
    version: channel.version,
    ...changed(members(valuesOfChannel(channel)), members(values)),
    ...given(values.secret),
  }
}

function commonMembers({ name, isDefault, minSeverity, hourlyLimit, enabled }: ChannelValues) {
  return { name, isDefault, minSeverity, hourlyLimit: parseWhole(hourlyLimit, Number.NaN), enabled }
}

function emailConfig({ recipients }: ChannelValues) {
  return { recipients: parseLines(recipients) }
}

function webhookConfig({ url, template }: ChannelValues) {
  return { url, template }
}

function given(secret: string): { secret?: string } {
  const text = orNull(secret)
  return text === null ? {} : { secret: text }
}
