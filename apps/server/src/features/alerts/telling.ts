import type { Db } from '@turnpike/db'
import { within } from '../../shared/deadline.ts'
import { every, type Loop } from '../../shared/every.ts'
import type { Log } from '../../shared/logger.ts'
import { warnOnceInARow } from '../../shared/once-in-a-row.ts'
import type { SecretBox } from '../../shared/secret-box.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import type { ChannelRow } from './channels/channel.ts'
import { openChannelSecret } from './channels/channel-secret.ts'
import { createChannelStore } from './channels/channel-store.ts'
import { createChannels } from './channels/channels.ts'
import { createDeadMan } from './delivery/dead-man.ts'
import { createDeliveries } from './delivery/deliveries.ts'
import { createOutbox } from './delivery/outbox.ts'
import { createSendMail, type SendMailer } from './delivery/send-mail.ts'
import { createSendToChannel } from './delivery/send-to-channel.ts'
import { createSendWebhook, type WebhookEgress } from './delivery/send-webhook.ts'
import { createSilences } from './silences/silences.ts'

interface TellingOptions {
  db: Db['db']
  box: SecretBox
  egress: WebhookEgress
  mailer: SendMailer
  clock: WallClock
  log: Log
  panelUrl(): string
}

/** Messages under way get so long at a stop. */
const FINISH_MS = 3_000
/** Channels that were called within the minute are not due yet. */
const PING_EVERY_MS = 10_000
const PINGING = { failing: 'dead-man channels cannot be called', again: 'dead-man channels are called again' }

/** The telling half of alerting: channels, silences, the outbox and the log of what it sent. */
export function createTelling({ db, box, egress, mailer, clock, log, panelUrl }: TellingOptions) {
  const openSecret = ({ id, secretSealed }: ChannelRow) => {
    return secretSealed === null ? null : openChannelSecret(box, id, secretSealed)
  }
  const send = createSendToChannel({
    sendMail: createSendMail({ mailer, clock }),
    sendWebhook: createSendWebhook({ egress, clock }),
    openSecret,
    log,
  })
  const outbox = createOutbox({ db, send, clock, random: Math.random, panelUrl, log })
  const pingDeadMen = createDeadMan({ db, send, clock, panelUrl, log })
  return {
    /** Begins to send. Not before the server listens: links lead to it. */
    start(): Loop {
      const sending = outbox.start()
      const pinging = every(PING_EVERY_MS, warnOnceInARow(pingDeadMen, PINGING, log), log)
      return {
        async stop() {
          await within(FINISH_MS, Promise.all([sending.stop(), pinging.stop()])).catch(() =>
            log.warn({}, 'messages under way were left; they are sent again under the same id'),
          )
        },
      }
    },
    channels: createChannels({ store: createChannelStore({ db, box }), egress, send, openSecret, clock, panelUrl }),
    silences: createSilences({ db, clock }),
    deliveries: createDeliveries({ db, clock }),
  }
}
