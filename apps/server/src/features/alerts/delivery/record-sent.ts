import { nextAttemptAt } from '@turnpike/core/alerts/retry-schedule'
import type { Db } from '@turnpike/db'
import { alertChannels, alertDeliveries, alertDeliveryAttempts } from '@turnpike/db/schema'
import { and, eq, isNull, sql } from 'drizzle-orm'
import { recordAudit, SYSTEM } from '../../../shared/audit.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import type { AlertTransaction } from '../evaluation/transaction.ts'
import type { Claimed } from './claim.ts'
import type { DeliveryRow } from './delivery-row.ts'
import type { ChannelSent } from './send-to-channel.ts'

interface RecordOptions {
  db: Db['db']
  clock: WallClock
  random(): number
}

/** Writes down how a try went, and what becomes of the message: done, again at a time, or given up. */
export function createRecordSent({ db, clock, random }: RecordOptions) {
  return function recordSent({ delivery, channel }: Claimed, sent: ChannelSent, startedMs: number): Promise<void> {
    const { verdict, status, latencyMs, note } = sent
    return db.transaction(async (tx) => {
      await tx.insert(alertDeliveryAttempts).values({
        deliveryId: delivery.id,
        at: new Date(startedMs),
        outcome: verdict.outcome,
        status,
        latencyMs,
        error: note,
      })
      // Whoever took it over meanwhile says what becomes of it; that it arrived is true whoever says so.
      const isStillOurs = eq(alertDeliveries.attempts, delivery.attempts)
      await tx
        .update(alertDeliveries)
        .set({
          ...outcomeColumns(delivery, sent),
          lockedUntil: null,
          lastOutcome: verdict.outcome,
          lastStatus: status,
          lastError: note,
          lastLatencyMs: latencyMs,
        })
        .where(
          and(
            eq(alertDeliveries.id, delivery.id),
            isNull(alertDeliveries.endedAt),
            verdict.outcome === 'ok' ? undefined : isStillOurs,
          ),
        )
      if (verdict.outcome !== 'ok' && verdict.next === 'disable') await disable(tx, channel.id)
    })
  }

  function outcomeColumns(delivery: DeliveryRow, { verdict, retryAfterMs, left }: ChannelSent) {
    const nowMs = clock.now()
    const endedAt = new Date(nowMs)
    if (verdict.outcome === 'ok') return { status: 'sent' as const, sentAt: endedAt, endedAt }
    const sinceMs = delivery.createdAt.getTime()
    const again =
      verdict.next === 'retry'
        ? nextAttemptAt({ attempts: delivery.attempts, sinceMs, nowMs, retryAfterMs, random: random() })
        : null
    if (again === null) return { status: 'dead' as const, endedAt }
    return {
      status: 'pending' as const,
      nextAttemptAt: new Date(again),
      ...(left.length > 0 && { payload: { ...Object(delivery.payload), recipientsLeft: left } }),
    }
  }

  /** 410: the receiver says that nobody will ever be there again. */
  async function disable(tx: AlertTransaction, channelId: number): Promise<void> {
    const disabled = await tx
      .update(alertChannels)
      .set({
        enabled: false,
        disabledReason: 'gone',
        disabledAt: new Date(clock.now()),
        version: sql`${alertChannels.version} + 1`,
      })
      .where(and(eq(alertChannels.id, channelId), eq(alertChannels.enabled, true)))
      .returning({ id: alertChannels.id })
    if (disabled.length === 0) return
    const target = { type: 'alert_channel', id: channelId }
    await recordAudit(tx, SYSTEM, { action: 'alerts.channels.disable', target, change: { reason: 'gone' } })
  }
}
