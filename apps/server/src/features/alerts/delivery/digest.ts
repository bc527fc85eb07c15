import type { DeliveryPayload, Digest } from '@turnpike/core/alerts/message'
import { ALERT_SEVERITIES, type AlertSeverity } from '@turnpike/core/ops/words'
import { alertDeliveries } from '@turnpike/db/schema'
import { eq } from 'drizzle-orm'
import type { ChannelRow } from '../channels/channel.ts'
import type { AlertTransaction } from '../evaluation/transaction.ts'

const HOUR_MS = 3_600_000

type DigestPayload = Extract<DeliveryPayload, { kind: 'digest' }>

interface Held {
  channel: Pick<ChannelRow, 'id' | 'name' | 'hourlyLimit'>
  severity: AlertSeverity
  now: Date
}

/**
 * Counts one message in the digest of the running hour, in the transaction that writes the message off: what the digest says
 * is how many there are. It leaves when the hour is over. The caller holds the channel's row, so counts do not race.
 */
export async function countInDigest(tx: AlertTransaction, { channel, severity, now }: Held): Promise<void> {
  for (let hour = Math.floor(now.getTime() / HOUR_MS); ; hour += 1) {
    const uniqueKey = `digest|${channel.id}|${hour}`
    const [row] = await tx.select().from(alertDeliveries).where(eq(alertDeliveries.uniqueKey, uniqueKey)).for('update')
    if (row === undefined) {
      const digest: Digest = {
        count: 1,
        from: now.toISOString(),
        to: now.toISOString(),
        hourlyLimit: channel.hourlyLimit,
      }
      await tx.insert(alertDeliveries).values({
        uniqueKey,
        channelId: channel.id,
        channelName: channel.name,
        kind: 'digest',
        severity,
        payload: { kind: 'digest', digest },
        nextAttemptAt: new Date((hour + 1) * HOUR_MS),
        createdAt: now,
      })
      return
    }
    // One that has been tried says its number for good: what comes later belongs to the next.
    if (row.status !== 'pending' || row.attempts > 0) continue
    await tx
      .update(alertDeliveries)
      .set({ payload: oneMore(row.payload, now), severity: worse(row.severity, severity) })
      .where(eq(alertDeliveries.id, row.id))
    return
  }
}

/** Safe as a cast: digests are written above and nowhere else. */
function oneMore(payload: unknown, now: Date): DigestPayload {
  const { kind, digest } = payload as DigestPayload
  return { kind, digest: { ...digest, count: digest.count + 1, to: now.toISOString() } }
}

function worse(a: AlertSeverity, b: AlertSeverity): AlertSeverity {
  return ALERT_SEVERITIES.indexOf(a) > ALERT_SEVERITIES.indexOf(b) ? a : b
}
