import { randomUUID } from 'node:crypto'
import { pingMessage } from '@turnpike/core/alerts/message'
import type { Db } from '@turnpike/db'
import { alertChannels, alertProgress, opsAlertRules } from '@turnpike/db/schema'
import { and, eq, isNull, lte, or } from 'drizzle-orm'
import type { Log } from '../../../shared/logger.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import type { ChannelRow } from '../channels/channel.ts'
import type { SendToChannel } from './send-to-channel.ts'

interface DeadManOptions {
  db: Db['db']
  send: SendToChannel
  clock: WallClock
  panelUrl(): string
  log: Log
}

/** A little less than a minute: an early tick must not skip one. */
const PING_EVERY_MS = 55_000
/** Evaluation that is later than this has stopped. */
const LATE_MS = 3 * 60_000

/**
 * Calls every dead-man channel about once a minute while rules are being evaluated: whoever hears nothing raises the alarm.
 * `lastPingAt` is when a call was last answered.
 */
export function createDeadMan({ db, send, clock, panelUrl, log }: DeadManOptions) {
  return async function pingAll(): Promise<void> {
    if (!(await isEvaluating())) return
    await Promise.all((await takeDue()).map(ping))
  }

  /** Whoever moves the time pings; the others of the minute find nothing due. */
  async function takeDue(): Promise<{ channel: ChannelRow; before: Date | null }[]> {
    const now = new Date(clock.now())
    return db.transaction(async (tx) => {
      const due = await tx
        .select()
        .from(alertChannels)
        .where(
          and(
            eq(alertChannels.isDeadMan, true),
            eq(alertChannels.enabled, true),
            or(
              isNull(alertChannels.lastPingAt),
              lte(alertChannels.lastPingAt, new Date(now.getTime() - PING_EVERY_MS)),
            ),
          ),
        )
        .orderBy(alertChannels.id)
        .for('no key update', { skipLocked: true })
      for (const { id } of due) await tx.update(alertChannels).set({ lastPingAt: now }).where(eq(alertChannels.id, id))
      return due.map((row) => ({ channel: { ...row, lastPingAt: now }, before: row.lastPingAt }))
    })
  }

  async function ping({ channel, before }: { channel: ChannelRow; before: Date | null }): Promise<void> {
    const at = new Date(clock.now()).toISOString()
    const { verdict } = await send(channel, pingMessage({ id: randomUUID(), at, panelUrl: panelUrl() }), null)
    if (verdict.outcome === 'ok') return
    log.warn({ channelId: channel.id, outcome: verdict.outcome }, 'a dead-man channel was not reached')
    await db
      .update(alertChannels)
      .set({ lastPingAt: before })
      .where(and(eq(alertChannels.id, channel.id), eq(alertChannels.lastPingAt, channel.lastPingAt ?? new Date(0))))
  }

  async function isEvaluating(): Promise<boolean> {
    const late = new Date(clock.now() - LATE_MS)
    const [behind] = await db
      .select({ id: opsAlertRules.id })
      .from(opsAlertRules)
      .leftJoin(alertProgress, eq(alertProgress.ruleId, opsAlertRules.id))
      .where(
        and(
          eq(opsAlertRules.enabled, true),
          or(
            lte(alertProgress.evaluatedTo, late),
            and(isNull(alertProgress.evaluatedTo), lte(opsAlertRules.updatedAt, late)),
          ),
        ),
      )
      .orderBy(opsAlertRules.id)
      .limit(1)
    return behind === undefined
  }
}
