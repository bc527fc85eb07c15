import type { EmailConfig, WebhookConfig } from '@turnpike/core/inputs/alert-channels'
import type { AlertSeverity, ChannelType } from '@turnpike/core/ops/words'
import type { alertChannels } from '@turnpike/db/schema'

export type ChannelRow = typeof alertChannels.$inferSelect

/** A channel as the API shows it; its secret was shown once, when it was made. */
export interface Channel {
  id: number
  name: string
  type: ChannelType
  config: EmailConfig | WebhookConfig
  isDefault: boolean
  minSeverity: AlertSeverity
  hourlyLimit: number
  isDeadMan: boolean
  lastPingAt: string | null
  enabled: boolean
  /** Why it was switched off by itself; null = it was not. */
  disabledReason: string | null
  disabledAt: string | null
  version: number
  createdAt: string
  updatedAt: string
}

/** `mayWrite`: whoever may not change a channel sees where a webhook leads, not the token that chats put into its path. */
export function toChannel(row: ChannelRow, mayWrite: boolean): Channel {
  const { secretSealed: _secret, createdBy: _by, lastPingAt, disabledAt, createdAt, updatedAt, ...columns } = row
  const config = configOf(row)
  return {
    ...columns,
    config: mayWrite || 'recipients' in config ? config : { ...config, url: `${new URL(config.url).origin}/…` },
    lastPingAt: lastPingAt?.toISOString() ?? null,
    disabledAt: disabledAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}

/** Safe as a cast: nothing but what `channelConfig` let through is ever written there. */
export function configOf({ config }: Pick<ChannelRow, 'config'>): EmailConfig | WebhookConfig {
  return config as EmailConfig | WebhookConfig
}
