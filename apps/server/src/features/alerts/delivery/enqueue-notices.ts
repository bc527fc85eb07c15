import { deliveryKey, type Notice } from '@turnpike/core/alerts/notice'
import { alertChannels, alertDeliveries } from '@turnpike/db/schema'
import { and, asc, inArray } from 'drizzle-orm'
import type { AlertTransaction } from '../evaluation/transaction.ts'

type ChannelRow = typeof alertChannels.$inferSelect

/** Rows of one statement: a statement has at most 65,535 parameters. */
const BATCH = 2_000

/**
 * Puts each message into the outbox once for each of its channels (alerts.md, "Delivery"): those of the rule, or the default
 * ones; an end goes where its beginning went. Whether it leaves is decided when it is sent.
 */
export async function enqueueNotices(tx: AlertTransaction, notices: readonly Notice[]): Promise<void> {
  const channels = await tx.select().from(alertChannels).orderBy(asc(alertChannels.id))
  const told = await toldChannels(tx, notices)
  const rows = notices.flatMap((notice) => {
    return channelsOf(notice, channels, told).map((channel) => deliveryOf(notice, channel))
  })
  for (let from = 0; from < rows.length; from += BATCH) {
    await tx
      .insert(alertDeliveries)
      .values(rows.slice(from, from + BATCH))
      .onConflictDoNothing({ target: alertDeliveries.uniqueKey })
  }
}

export function deliveryOf(notice: Notice, channel: Pick<ChannelRow, 'id' | 'name'>) {
  return {
    uniqueKey: deliveryKey(notice, channel.id),
    eventId: notice.eventId,
    ruleId: notice.rule.id,
    channelId: channel.id,
    channelName: channel.name,
    kind: notice.kind,
    severity: notice.severity,
    payload: { kind: notice.kind, notice },
  } satisfies typeof alertDeliveries.$inferInsert
}

function channelsOf(
  { kind, eventId, rule }: Notice,
  channels: readonly ChannelRow[],
  told: ReadonlyMap<number, ReadonlySet<number>>,
): ChannelRow[] {
  const { notifyChannels, notifyConfig } = rule
  if (kind === 'resolved') {
    return notifyConfig.sendResolved ? channels.filter(({ id }) => told.get(eventId)?.has(id)) : []
  }
  if (notifyChannels.length === 0) return channels.filter(({ isDefault }) => isDefault)
  return channels.filter(({ id }) => notifyChannels.includes(id))
}

/** By the event that is over, the channels its beginning was for, fallback channels too; whatever the rule says by now. */
async function toldChannels(tx: AlertTransaction, notices: readonly Notice[]): Promise<Map<number, Set<number>>> {
  const told = new Map<number, Set<number>>()
  const over = notices.filter(({ kind }) => kind === 'resolved').map(({ eventId }) => eventId)
  for (let from = 0; from < over.length; from += BATCH) {
    const rows = await tx
      .selectDistinct({ eventId: alertDeliveries.eventId, channelId: alertDeliveries.channelId })
      .from(alertDeliveries)
      .where(
        and(
          inArray(alertDeliveries.eventId, over.slice(from, from + BATCH)),
          inArray(alertDeliveries.kind, ['firing', 'repeat', 'meta']),
        ),
      )
    for (const { eventId, channelId } of rows) {
      if (eventId === null || channelId === null) continue
      const channelIds = told.get(eventId) ?? new Set()
      told.set(eventId, channelIds.add(channelId))
    }
  }
  return told
}
