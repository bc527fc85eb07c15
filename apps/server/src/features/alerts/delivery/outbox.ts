import { messageOf } from '@turnpike/core/alerts/message'
import type { Db } from '@turnpike/db'
import { alertDeliveries } from '@turnpike/db/schema'
import { and, isNull } from 'drizzle-orm'
import { every, type Loop } from '../../../shared/every.ts'
import type { Log } from '../../../shared/logger.ts'
import { warnOnceInARow } from '../../../shared/once-in-a-row.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import { type Claimed, createClaim, isDue } from './claim.ts'
import { payloadOf, recipientsLeft } from './delivery-row.ts'
import { createFallback } from './fallback.ts'
import { createRecordSent } from './record-sent.ts'
import type { SendToChannel } from './send-to-channel.ts'

interface OutboxOptions {
  db: Db['db']
  send: SendToChannel
  clock: WallClock
  random(): number
  panelUrl(): string
  log: Log
}

const LOOK_EVERY_MS = 500
const FALL_BACK_EVERY_MS = 5_000
/** Channels an instance works on at once; each has one message under way. */
const MAX_CHANNELS = 64
const SENDING = {
  failing: 'messages of alerts cannot be read; they are sent later',
  again: 'messages of alerts are sent again',
}
const FALLING_BACK = {
  failing: 'messages cannot be handed to fallback channels; they are later',
  again: 'messages are handed to fallback channels again',
}

/**
 * Sends what is in the outbox. Each channel is worked on by itself, one message after the other, so that one that hangs
 * delays nobody else; several instances share the work.
 */
export function createOutbox({ db, send, clock, random, panelUrl, log }: OutboxOptions) {
  const claim = createClaim({ db, clock })
  const recordSent = createRecordSent({ db, clock, random })
  const fallBack = createFallback({ db, clock })
  const working = new Map<number, Promise<void>>()
  let isClosed = false

  /** Begins with every channel that has something due. */
  async function look(): Promise<void> {
    await writeOffOrphans()
    for (const channelId of await dueChannels()) {
      if (isClosed || working.size >= MAX_CHANNELS) return
      if (working.has(channelId)) continue
      working.set(
        channelId,
        work(channelId).finally(() => working.delete(channelId)),
      )
    }
  }

  async function work(channelId: number): Promise<void> {
    try {
      while (!isClosed) {
        const claimed = await claim(channelId)
        if (claimed === null) return
        await deliver(claimed)
      }
    } catch (error) {
      log.error({ err: error, channelId }, 'messages of a channel could not be worked on; they are taken up again')
    }
  }

  async function deliver(claimed: Claimed): Promise<void> {
    const { delivery, channel } = claimed
    const startedMs = clock.now()
    const message = messageOf(payloadOf(delivery), {
      id: delivery.messageId,
      severity: delivery.severity,
      channelName: channel.name,
      panelUrl: panelUrl(),
    })
    await recordSent(claimed, await send(channel, message, recipientsLeft(delivery)), startedMs)
  }

  async function dueChannels(): Promise<number[]> {
    const rows = await db
      .selectDistinct({ channelId: alertDeliveries.channelId })
      .from(alertDeliveries)
      .where(isDue(new Date(clock.now())))
      .orderBy(alertDeliveries.channelId)
    return rows.flatMap(({ channelId }) => channelId ?? [])
  }

  /** Their channel was deleted: there is no way to send them. */
  async function writeOffOrphans(): Promise<void> {
    const now = new Date(clock.now())
    await db
      .update(alertDeliveries)
      .set({ status: 'muted', muteReason: 'channel_disabled', endedAt: now, lockedUntil: null })
      .where(and(isNull(alertDeliveries.channelId), isDue(now)))
  }

  /** Resolves when nothing that was due is left, and nothing is under way. */
  async function idle(): Promise<void> {
    await look()
    while (working.size > 0) {
      await Promise.all(working.values())
      await look()
    }
  }

  return {
    look,
    idle,
    fallBack,
    /** `stop` resolves when messages under way have ended; no other one begins. */
    start(): Loop {
      const loops = [
        every(LOOK_EVERY_MS, warnOnceInARow(look, SENDING, log), log),
        every(FALL_BACK_EVERY_MS, warnOnceInARow(fallBack, FALLING_BACK, log), log),
      ]
      return {
        async stop() {
          isClosed = true
          await Promise.all(loops.map((loop) => loop.stop()))
          await Promise.all(working.values())
        },
      }
    },
  }
}
