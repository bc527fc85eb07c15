import { deliveryKey, type Notice } from '@turnpike/core/alerts/notice'
import { ALERT_SEVERITIES } from '@turnpike/core/ops/words'
import { alertChannels, alertDeliveries } from '@turnpike/db/schema'
import { asc } from 'drizzle-orm'
import type { AlertTransaction } from '../evaluation/transaction.ts'

type ChannelRow = typeof alertChannels.$inferSelect

/** Rows of one statement: a statement has at most 65,535 parameters. */
const BATCH = 2_000

/**
 * Puts each message into the outbox once for each of its channels (alerts.md, "Delivery"): those of the rule, or the default
 * ones. A channel that is off keeps a muted row, which says so.
 */
export async function enqueueNotices(tx: AlertTransaction, notices: readonly Notice[]): Promise<void> {
  const channels = await tx.select().from(alertChannels).orderBy(asc(alertChannels.id))
  const rows = notices.flatMap((notice) => channelsOf(notice, channels).map((channel) => rowOf(notice, channel)))
  for (let from = 0; from < rows.length; from += BATCH) {
    await tx
      .insert(alertDeliveries)
      .values(rows.slice(from, from + BATCH))
      .onConflictDoNothing({ target: alertDeliveries.uniqueKey })
  }
}

function channelsOf({ rule }: Notice, channels: readonly ChannelRow[]): ChannelRow[] {
  const { notifyChannels } = rule
  if (notifyChannels.length === 0) return channels.filter(({ isDefault }) => isDefault)
  return channels.filter(({ id }) => notifyChannels.includes(id))
}

function rowOf(notice: Notice, channel: ChannelRow): typeof alertDeliveries.$inferInsert {
  const isTooMild = ALERT_SEVERITIES.indexOf(notice.severity) < ALERT_SEVERITIES.indexOf(channel.minSeverity)
  const muteReason = channel.enabled ? (isTooMild ? ('severity' as const) : null) : ('channel_disabled' as const)
  return {
    uniqueKey: deliveryKey(notice, channel.id),
    eventId: notice.eventId,
    ruleId: notice.rule.id,
    channelId: channel.id,
    channelName: channel.name,
    kind: notice.kind,
    severity: notice.severity,
    payload: { kind: notice.kind, notice },
    ...(muteReason === null ? {} : { status: 'muted' as const, muteReason, endedAt: new Date(notice.at) }),
  }
}
