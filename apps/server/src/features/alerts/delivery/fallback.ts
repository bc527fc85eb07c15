import type { Db } from '@turnpike/db'
import { alertChannels, alertDeliveries } from '@turnpike/db/schema'
import { and, asc, eq, gt, inArray, isNull, lte, or, sql } from 'drizzle-orm'
import type { WallClock } from '../../../shared/wall-clock.ts'
import { payloadOf } from './delivery-row.ts'
import { deliveryOf } from './enqueue-notices.ts'

/** A message that could not be delivered for so long goes to the rule's fallback channel, too (alerts.md, "Delivery"). */
const FALLBACK_AFTER_MS = 300_000
/** What was given up longer ago has its fallback. */
const LOOK_BACK_MS = 3_600_000
/** A message is tried for a day. */
const OLDEST_MS = 2 * 86_400_000
const BATCH = 500

const FALLBACK_ID = sql`(${alertDeliveries.payload} #>> '{notice,rule,notifyConfig,fallbackChannelId}')`

/**
 * Puts what has failed for five minutes, and what was given up, into the outbox once more, for the fallback channel. Where
 * that one was told by itself there is a row of the same name already, and no second one is made.
 */
export function createFallback({ db, clock }: { db: Db['db']; clock: WallClock }) {
  return async function fallBack(): Promise<void> {
    const nowMs = clock.now()
    const failing = await db
      .select()
      .from(alertDeliveries)
      .where(
        and(
          or(
            and(
              inArray(alertDeliveries.status, ['pending', 'sending']),
              gt(alertDeliveries.attempts, 0),
              lte(alertDeliveries.createdAt, new Date(nowMs - FALLBACK_AFTER_MS)),
            ),
            and(eq(alertDeliveries.status, 'dead'), gt(alertDeliveries.endedAt, new Date(nowMs - LOOK_BACK_MS))),
          ),
          gt(alertDeliveries.createdAt, new Date(nowMs - OLDEST_MS)),
          isNull(alertDeliveries.fallbackOf),
          sql`${FALLBACK_ID} is not null`,
          sql`not exists (select from ${alertDeliveries} as made where made.fallback_of = ${alertDeliveries.id} and made.event_id = ${alertDeliveries.eventId})`,
        ),
      )
      .orderBy(asc(alertDeliveries.id))
      .limit(BATCH)
    for (const row of failing) {
      const payload = payloadOf(row)
      if (!('notice' in payload)) continue
      const channelId = payload.notice.rule.notifyConfig.fallbackChannelId
      const [channel] =
        channelId === null ? [] : await db.select().from(alertChannels).where(eq(alertChannels.id, channelId))
      if (channel === undefined || channel.id === row.channelId) continue
      await db
        .insert(alertDeliveries)
        .values({
          ...deliveryOf(payload.notice, channel),
          fallbackOf: row.id,
          createdAt: new Date(nowMs),
          nextAttemptAt: new Date(nowMs),
        })
        .onConflictDoNothing({ target: alertDeliveries.uniqueKey })
    }
  }
}
