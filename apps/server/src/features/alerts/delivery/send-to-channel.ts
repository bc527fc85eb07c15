import type { Message } from '@turnpike/core/alerts/message'
import type { Log } from '../../../shared/logger.ts'
import { type ChannelRow, configOf } from '../channels/channel.ts'
import type { createSendMail } from './send-mail.ts'
import type { SendWebhook } from './send-webhook.ts'
import type { Sent } from './sent.ts'

export interface ChannelSent extends Sent {
  /** Recipients of a mail that are still to be reached; empty = none, or it is no mail. */
  left: string[]
}

export type SendToChannel = (channel: ChannelRow, message: Message, recipients: string[] | null) => Promise<ChannelSent>

interface SendToChannelOptions {
  sendMail: ReturnType<typeof createSendMail>
  sendWebhook: SendWebhook
  openSecret(row: ChannelRow): string | null
  log: Log
}

/** Sends one message by the channel's own way, once. `recipients`: those of a mail that are left; null = all. */
export function createSendToChannel({ sendMail, sendWebhook, openSecret, log }: SendToChannelOptions): SendToChannel {
  return async function sendToChannel(channel, message, recipients) {
    const config = configOf(channel)
    if ('recipients' in config) return sendMail(recipients ?? config.recipients, message)
    const secret = secretOf(channel)
    if (secret === null) return NO_SECRET
    return { ...(await sendWebhook({ ...config, secret }, message)), left: [] }
  }

  function secretOf(channel: ChannelRow): string | null {
    try {
      return openSecret(channel)
    } catch (error) {
      log.error({ err: error, channelId: channel.id }, 'the secret of a channel does not open')
      return null
    }
  }
}

/** Whoever has the key may bring it back: until then it is tried again. */
const NO_SECRET: ChannelSent = {
  verdict: { outcome: 'not_configured', next: 'retry' },
  status: null,
  latencyMs: 0,
  retryAfterMs: null,
  note: 'secret_unreadable',
  left: [],
}
