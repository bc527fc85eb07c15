import type { ActiveSilence, Sending } from '@turnpike/core/alerts/send-decision'
import { alertDeliveries, alertDeliveryAttempts, alertSilences, opsAlertEvents } from '@turnpike/db/schema'
import { and, count, eq, exists, gt, inArray, isNull, lte, ne, or, sql } from 'drizzle-orm'
import type { ChannelRow } from '../channels/channel.ts'
import type { AlertTransaction } from '../evaluation/transaction.ts'
import { labelsOf } from '../silences/silences.ts'
import type { DeliveryRow } from './delivery-row.ts'

const HOUR_MS = 3_600_000

interface Of {
  row: DeliveryRow
  channel: ChannelRow
  now: Date
}

/** Reads what decides about a message, as it is in this transaction. */
export async function sendingOf(tx: AlertTransaction, { row, channel, now }: Of): Promise<Sending> {
  return {
    kind: row.kind,
    severity: row.severity,
    ruleId: row.ruleId,
    labels: labelsIn(row.payload),
    event: await eventOf(tx, row.eventId),
    channel,
    silences: await activeSilences(tx, now),
    sentLastHour: await sentSince(tx, channel.id, new Date(now.getTime() - HOUR_MS)),
    told: await toldBy(tx, row, now),
  }
}

async function eventOf(tx: AlertTransaction, eventId: number | null): Promise<Sending['event']> {
  if (eventId === null) return null
  const [event] = await tx
    .select({ status: opsAlertEvents.status, acknowledgedAt: opsAlertEvents.acknowledgedAt })
    .from(opsAlertEvents)
    .where(eq(opsAlertEvents.id, eventId))
  return event ? { isFiring: event.status === 'firing', isAcknowledged: event.acknowledgedAt !== null } : null
}

async function activeSilences(tx: AlertTransaction, now: Date): Promise<ActiveSilence[]> {
  const rows = await tx
    .select()
    .from(alertSilences)
    .where(and(isNull(alertSilences.endedAt), lte(alertSilences.startsAt, now), gt(alertSilences.endsAt, now)))
    .orderBy(alertSilences.id)
  return rows.map((row) => ({ ...row, labels: labelsOf(row) }))
}

/** Those that are on their way count, or several instances would pass the limit together. */
async function sentSince(tx: AlertTransaction, channelId: number, since: Date): Promise<number> {
  const [row] = await tx
    .select({ sent: count() })
    .from(alertDeliveries)
    .where(
      and(
        eq(alertDeliveries.channelId, channelId),
        ne(alertDeliveries.kind, 'digest'),
        or(
          and(eq(alertDeliveries.status, 'sent'), gt(alertDeliveries.sentAt, since)),
          and(eq(alertDeliveries.status, 'sending'), gt(alertDeliveries.lockedUntil, since)),
        ),
      ),
    )
  return row?.sent ?? 0
}

/** What this channel was told of the episode. One that was cut off in the middle may have arrived, and counts. */
async function toldBy(
  tx: AlertTransaction,
  { eventId, channelId, kind }: DeliveryRow,
  now: Date,
): Promise<Sending['told']> {
  if (kind !== 'resolved' || eventId === null || channelId === null) return { hasLeft: false, isOnItsWay: false }
  const cutOff = tx
    .select({ id: alertDeliveryAttempts.id })
    .from(alertDeliveryAttempts)
    .where(
      and(eq(alertDeliveryAttempts.deliveryId, alertDeliveries.id), eq(alertDeliveryAttempts.outcome, 'interrupted')),
    )
  const [told] = await tx
    .select({
      hasLeft: sql<boolean>`coalesce(bool_or(${or(eq(alertDeliveries.status, 'sent'), exists(cutOff))}), false)`,
      isOnItsWay: sql<boolean>`coalesce(bool_or(${and(eq(alertDeliveries.status, 'sending'), gt(alertDeliveries.lockedUntil, now))}), false)`,
    })
    .from(alertDeliveries)
    .where(
      and(
        eq(alertDeliveries.eventId, eventId),
        eq(alertDeliveries.channelId, channelId),
        inArray(alertDeliveries.kind, ['firing', 'repeat', 'meta']),
      ),
    )
  return told ?? { hasLeft: false, isOnItsWay: false }
}

function labelsIn(payload: unknown): Record<string, string> {
  const { labels, eventLabels } = Object(Object(payload).notice)
  return { ...eventLabels, ...labels }
}
