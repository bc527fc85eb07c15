import type { Notice } from '@turnpike/core/alerts/notice'
import { alertChannels, alertDeliveries, opsAlertEvents, opsAlertRules } from '@turnpike/db/schema'
import { freshDatabase } from '@turnpike/db/testing'
import { asc, eq } from 'drizzle-orm'
import { createEgress } from '../../../../shared/egress/egress.ts'
import { silentLog } from '../../../../shared/logger.ts'
import { createMailer } from '../../../../shared/mail/mailer.ts'
import type { SmtpConfig } from '../../../../shared/mail/smtp-config.ts'
import { createSecretBox } from '../../../../shared/secret-box.ts'
import { openChannelSecret, sealChannelSecret } from '../../channels/channel-secret.ts'
import { enqueueNotices } from '../enqueue-notices.ts'
import { createOutbox } from '../outbox.ts'
import { createSendMail } from '../send-mail.ts'
import { createSendToChannel } from '../send-to-channel.ts'
import { createSendWebhook } from '../send-webhook.ts'

export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
/** For what hangs. */
const PATIENCE_MS = 60_000

interface WorldOptions {
  smtp?: SmtpConfig
  /** A message may take so long. */
  totalMs?: number
}

/** A database with an outbox, a clock that stands still, and loopback allowed here alone. */
export async function deliveryWorld({ smtp, totalMs = PATIENCE_MS }: WorldOptions = {}) {
  const database = await freshDatabase()
  const { db } = database
  let nowMs = Date.now()
  const clock = { now: () => nowMs }
  const box = createSecretBox(Buffer.alloc(32, 5))
  const egress = createEgress({ privateUpstreams: ['127.0.0.0/8'] })
  const mailer = createMailer({ egress, config: async () => smtp ?? null, totalMs })
  const send = createSendToChannel({
    sendMail: createSendMail({ mailer, clock }),
    sendWebhook: createSendWebhook({ egress, clock, totalMs }),
    openSecret: ({ id, secretSealed }) => (secretSealed === null ? null : openChannelSecret(box, id, secretSealed)),
    log: silentLog,
  })
  const options = { db, send, clock, random: () => 0.5, panelUrl: () => 'https://panel.test', log: silentLog }

  async function addChannel(config: object, columns: Partial<typeof alertChannels.$inferInsert> = {}): Promise<number> {
    const isMail = 'recipients' in config
    const [row] = await db
      .insert(alertChannels)
      .values({ name: 'ops', type: isMail ? 'email' : 'webhook', config, isDefault: true, ...columns })
      .returning({ id: alertChannels.id })
    const id = row?.id ?? 0
    if (!isMail) {
      await db
        .update(alertChannels)
        .set({ secretSealed: sealChannelSecret(box, id, SECRET) })
        .where(eq(alertChannels.id, id))
    }
    return id
  }

  /** An episode that fires; what it makes of notices is not told yet. */
  async function begin(rule: Partial<Notice['rule']> = {}): Promise<(changes?: Partial<Notice>) => Notice> {
    const [stored] = await db
      .insert(opsAlertRules)
      .values({
        name: 'Errors',
        metricType: 'error_rate',
        aggregation: 'ratio',
        operator: '>',
        threshold: 5,
        recoveryThreshold: 5,
      })
      .returning()
    const ruleId = stored?.id ?? 0
    const firedAt = new Date(nowMs)
    const [event] = await db
      .insert(opsAlertEvents)
      .values({
        ruleId,
        ruleName: 'Errors',
        severity: 'warning',
        episode: 1,
        metricType: 'error_rate',
        thresholdValue: 5,
        firedAt,
      })
      .returning()
    return (changes = {}) => ({
      kind: 'firing',
      eventId: event?.id ?? 0,
      rule: {
        id: ruleId,
        name: 'Errors',
        description: '',
        metric: 'error_rate',
        aggregation: 'ratio',
        operator: '>',
        threshold: 5,
        windowMinutes: 5,
        forMinutes: 2,
        runbookUrl: null,
        notifyChannels: [],
        notifyConfig: { sendResolved: true, fallbackChannelId: null },
        ...rule,
      },
      severity: 'warning',
      labels: { group: '1' },
      eventLabels: {},
      labelNames: { group: 'standard' },
      episode: 1,
      sequence: 1,
      at: firedAt.toISOString(),
      value: 12.5,
      peak: 12.5,
      firedAt: firedAt.toISOString(),
      resolvedAt: null,
      resolvedReason: null,
      ...changes,
    })
  }

  /** What is handed over just now is so by the clock of the test, not by the database's. */
  async function tell(...notices: Notice[]): Promise<void> {
    const known = new Set((await db.select().from(alertDeliveries)).map(({ id }) => id))
    await db.transaction((tx) => enqueueNotices(tx, notices))
    const now = new Date(nowMs)
    for (const { id } of await db.select().from(alertDeliveries)) {
      if (known.has(id)) continue
      await db.update(alertDeliveries).set({ createdAt: now, nextAttemptAt: now }).where(eq(alertDeliveries.id, id))
    }
  }

  return {
    database,
    db,
    clock,
    send,
    options,
    egress,
    outbox: createOutbox(options),
    addChannel,
    begin,
    tell,
    advance(ms: number): void {
      nowMs += ms
    },
    /** Ends the episode and tells of it, as the evaluator does. */
    async resolve(notice: Notice): Promise<void> {
      const resolvedAt = new Date(nowMs)
      await db
        .update(opsAlertEvents)
        .set({ status: 'resolved', resolvedAt })
        .where(eq(opsAlertEvents.id, notice.eventId))
      const end = { resolvedAt: resolvedAt.toISOString(), resolvedReason: 'recovered' } as const
      await tell({ ...notice, kind: 'resolved', sequence: notice.sequence + 1, ...end })
    },
    deliveries: () => db.select().from(alertDeliveries).orderBy(asc(alertDeliveries.id)),
    async deliveryOf(channelId: number, kind = 'firing') {
      const rows = await db.select().from(alertDeliveries).where(eq(alertDeliveries.channelId, channelId))
      return rows.find((row) => row.kind === kind)
    },
    async [Symbol.asyncDispose]() {
      await egress.close()
      await database[Symbol.asyncDispose]()
    },
  }
}

export type DeliveryWorld = Awaited<ReturnType<typeof deliveryWorld>>
