import { decideSending, type SendDecision } from '@turnpike/core/alerts/send-decision'
import type { Db } from '@turnpike/db'
import { alertChannels, alertDeliveries, alertDeliveryAttempts } from '@turnpike/db/schema'
import { and, asc, eq, inArray, isNull, lte, or } from 'drizzle-orm'
import type { WallClock } from '../../../shared/wall-clock.ts'
import type { ChannelRow } from '../channels/channel.ts'
import type { AlertTransaction } from '../evaluation/transaction.ts'
import type { DeliveryRow } from './delivery-row.ts'
import { countInDigest } from './digest.ts'
import { sendingOf } from './sending.ts'

/** A message that is ours to send until its lock ends. */
export interface Claimed {
  delivery: DeliveryRow
  channel: ChannelRow
}

/** Longer than a message may take: afterwards whoever held it is taken for dead. */
export const LOCK_MS = 30_000
/** An end waits this long for its beginning, which is on its way. */
const WAIT_MS = 1_000
const OPEN = inArray(alertDeliveries.status, ['pending', 'sending'])

interface ClaimOptions {
  db: Pick<Db['db'], 'transaction'>
  clock: WallClock
}

/**
 * Takes the next message of a channel that is due, deciding on the way about those that do not leave: they are written off
 * with the reason. Null = nothing is due. The channel's row is held meanwhile, so that several instances take turns and keep
 * to its limit.
 */
export function createClaim({ db, clock }: ClaimOptions) {
  return async function claim(channelId: number): Promise<Claimed | null> {
    for (;;) {
      const taken = await db.transaction((tx) => claimOne(tx, channelId))
      if (taken !== 'next') return taken
    }
  }

  async function claimOne(tx: AlertTransaction, channelId: number): Promise<Claimed | 'next' | null> {
    const now = new Date(clock.now())
    const [channel] = await tx.select().from(alertChannels).where(eq(alertChannels.id, channelId)).for('no key update')
    if (channel === undefined) return null
    const [row] = await tx
      .select()
      .from(alertDeliveries)
      .where(and(eq(alertDeliveries.channelId, channelId), isDue(now)))
      .orderBy(asc(alertDeliveries.nextAttemptAt), asc(alertDeliveries.id))
      .limit(1)
      .for('update', { skipLocked: true })
    if (row === undefined) return null
    if (row.status === 'sending') await noteInterrupted(tx, row, now)
    const decision = decideSending(await sendingOf(tx, { row, channel, now }))
    if (decision.act !== 'send') {
      await writeOff(tx, { row, channel, decision, now })
      return 'next'
    }
    const [delivery] = await tx
      .update(alertDeliveries)
      .set({ status: 'sending', attempts: row.attempts + 1, lockedUntil: new Date(now.getTime() + LOCK_MS) })
      .where(eq(alertDeliveries.id, row.id))
      .returning()
    return delivery === undefined ? null : { delivery, channel }
  }
}

/** What may be taken at this moment: not before its time, and not from somebody who is at it. */
export function isDue(now: Date) {
  return and(
    OPEN,
    lte(alertDeliveries.nextAttemptAt, now),
    or(isNull(alertDeliveries.lockedUntil), lte(alertDeliveries.lockedUntil, now)),
  )
}

/** Whoever sent it never said how it went: it may have arrived. */
async function noteInterrupted(tx: AlertTransaction, { id, lockedUntil }: DeliveryRow, now: Date): Promise<void> {
  const at = new Date((lockedUntil ?? now).getTime() - LOCK_MS)
  await tx
    .insert(alertDeliveryAttempts)
    .values({ deliveryId: id, at, outcome: 'interrupted', status: null, latencyMs: 0, error: null })
  await tx
    .update(alertDeliveries)
    .set({ lastOutcome: 'interrupted', lastStatus: null })
    .where(eq(alertDeliveries.id, id))
}

interface WriteOff {
  row: DeliveryRow
  channel: ChannelRow
  decision: Exclude<SendDecision, { act: 'send' }>
  now: Date
}

async function writeOff(tx: AlertTransaction, { row, channel, decision, now }: WriteOff): Promise<void> {
  if (decision.act === 'digest') await countInDigest(tx, { channel, severity: row.severity, now })
  await tx.update(alertDeliveries).set(columnsOf(decision, now)).where(eq(alertDeliveries.id, row.id))
}

function columnsOf(decision: WriteOff['decision'], now: Date) {
  const ended = { endedAt: now, lockedUntil: null }
  switch (decision.act) {
    case 'wait':
      return { nextAttemptAt: new Date(now.getTime() + WAIT_MS) }
    case 'supersede':
      return { status: 'superseded' as const, ...ended }
    case 'digest':
      return { status: 'muted' as const, muteReason: 'digested' as const, ...ended }
    case 'mute':
      return { status: 'muted' as const, muteReason: decision.reason, silenceId: decision.silenceId, ...ended }
  }
}
