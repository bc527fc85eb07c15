import type { DeliveryList } from '@turnpike/core/inputs/alert-deliveries'
import type { AlertSeverity, DeliveryKind, DeliveryOutcome, DeliveryStatus, MuteReason } from '@turnpike/core/ops/words'
import type { Db } from '@turnpike/db'
import { alertDeliveries, alertDeliveryAttempts } from '@turnpike/db/schema'
import { and, asc, desc, eq, gte, inArray, lt } from 'drizzle-orm'
import { AppError } from '../../../shared/app-error.ts'
import { type Actor, auditOf } from '../../../shared/audit.ts'
import { afterId, type Page, pageOf } from '../../../shared/keyset.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'

const audit = auditOf('alert_delivery')

type DeliveryRow = typeof alertDeliveries.$inferSelect

export interface DeliveryAttempt {
  at: string
  outcome: DeliveryOutcome
  status: number | null
  latencyMs: number
  error: string | null
}

/** A message to one channel, and every try to get it there. */
export interface Delivery {
  id: number
  eventId: number | null
  ruleId: number | null
  ruleName: string | null
  channelId: number | null
  channelName: string
  kind: DeliveryKind
  severity: AlertSeverity
  messageId: string
  status: DeliveryStatus
  muteReason: MuteReason | null
  silenceId: number | null
  /** Null = no more. */
  nextAttemptAt: string | null
  fallbackOf: number | null
  createdAt: string
  sentAt: string | null
  endedAt: string | null
  attempts: DeliveryAttempt[]
}

export type Deliveries = ReturnType<typeof createDeliveries>

/** The log of what was told, and of what could not be. */
export function createDeliveries({ db, clock }: { db: Db['db']; clock: WallClock }) {
  /** The newest first. */
  async function list(input: DeliveryList): Promise<Page<Delivery>> {
    const { channelId, ruleId, eventId, status, kind, from, to, limit, cursor } = input
    const before = afterId(cursor)
    const rows = await db
      .select()
      .from(alertDeliveries)
      .where(
        and(
          channelId === undefined ? undefined : eq(alertDeliveries.channelId, channelId),
          ruleId === undefined ? undefined : eq(alertDeliveries.ruleId, ruleId),
          eventId === undefined ? undefined : eq(alertDeliveries.eventId, eventId),
          status && eq(alertDeliveries.status, status),
          kind && eq(alertDeliveries.kind, kind),
          from && gte(alertDeliveries.createdAt, from),
          to && lt(alertDeliveries.createdAt, to),
          before === null ? undefined : lt(alertDeliveries.id, before),
        ),
      )
      .orderBy(desc(alertDeliveries.id))
      .limit(limit + 1)
    const attempts = await attemptsOf(rows.map(({ id }) => id))
    return pageOf(
      rows.map((row) => toDelivery(row, attempts.get(row.id) ?? [])),
      limit,
      ({ id }) => String(id),
    )
  }

  /** One more try of what was given up, or of what waits for its next one, now. */
  async function retry(id: number, actor: Actor): Promise<Delivery> {
    await db.transaction(async (tx) => {
      const [row] = await tx.select().from(alertDeliveries).where(eq(alertDeliveries.id, id)).for('update')
      if (row === undefined) throw new AppError('not_found', { field: 'id' })
      const isOpen = row.status === 'dead' || row.status === 'pending'
      if (!isOpen) throw new AppError('conflict', { field: 'id', message: 'Only what is not delivered can be retried' })
      await tx
        .update(alertDeliveries)
        .set({ status: 'pending', nextAttemptAt: new Date(clock.now()), lockedUntil: null, endedAt: null })
        .where(eq(alertDeliveries.id, id))
      await audit(tx, actor, 'alerts.deliveries.retry', id)
    })
    return get(id)
  }

  async function get(id: number): Promise<Delivery> {
    const [row] = await db.select().from(alertDeliveries).where(eq(alertDeliveries.id, id))
    if (row === undefined) throw new AppError('not_found', { field: 'id' })
    return toDelivery(row, (await attemptsOf([id])).get(id) ?? [])
  }

  async function attemptsOf(ids: number[]): Promise<Map<number, DeliveryAttempt[]>> {
    const byDelivery = new Map<number, DeliveryAttempt[]>()
    if (ids.length === 0) return byDelivery
    const rows = await db
      .select()
      .from(alertDeliveryAttempts)
      .where(inArray(alertDeliveryAttempts.deliveryId, ids))
      .orderBy(asc(alertDeliveryAttempts.id))
    for (const { deliveryId, at, outcome, status, latencyMs, error } of rows) {
      const attempts = byDelivery.get(deliveryId) ?? []
      attempts.push({ at: at.toISOString(), outcome, status, latencyMs, error })
      byDelivery.set(deliveryId, attempts)
    }
    return byDelivery
  }

  return { list, retry }
}

function toDelivery(row: DeliveryRow, attempts: DeliveryAttempt[]): Delivery {
  const isOpen = row.status === 'pending' || row.status === 'sending'
  return {
    id: row.id,
    eventId: row.eventId,
    ruleId: row.ruleId,
    ruleName: ruleNameOf(row.payload),
    channelId: row.channelId,
    channelName: row.channelName,
    kind: row.kind,
    severity: row.severity,
    messageId: row.messageId,
    status: row.status,
    muteReason: row.muteReason,
    silenceId: row.silenceId,
    nextAttemptAt: isOpen ? row.nextAttemptAt.toISOString() : null,
    fallbackOf: row.fallbackOf,
    createdAt: row.createdAt.toISOString(),
    sentAt: row.sentAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
    attempts,
  }
}

/** As the rule was called then. */
function ruleNameOf(payload: unknown): string | null {
  const name: unknown = Object(Object(Object(payload).notice).rule).name
  return typeof name === 'string' ? name : null
}
