import type { EnqueueNotices } from '@turnpike/core/alerts/notice'
import type { AlertEventList, AlertEventResolve } from '@turnpike/core/inputs/alert-rules'
import type { Db } from '@turnpike/db'
import { alertProgress, alertStates, opsAlertEvents, opsAlertRules } from '@turnpike/db/schema'
import { and, asc, desc, eq, gt, gte, lt, sql } from 'drizzle-orm'
import { AppError } from '../../../shared/app-error.ts'
import { type Actor, auditOf } from '../../../shared/audit.ts'
import { afterId, type Page, pageOf } from '../../../shared/keyset.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import { closeAll } from '../evaluation/judge.ts'
import type { AlertTransaction } from '../evaluation/transaction.ts'
import { writeJudgements } from '../evaluation/write-judgements.ts'
import { toStoredRule } from '../rules/stored-rule.ts'
import {
  type AlertEvent,
  type AlertEventDetail,
  type EventRow,
  toAlertEvent,
  toAlertEventDetail,
} from './event-view.ts'

const audit = auditOf('alert_event')

interface EventsOptions {
  db: Db['db']
  clock: WallClock
  enqueue: EnqueueNotices<AlertTransaction>
}

/** An event that changed, and the number of the change. */
export interface EventChange {
  revision: number
  event: AlertEvent
}

export type AlertEvents = ReturnType<typeof createAlertEvents>

/** Episodes of alert rules, as operators see and end them. */
export function createAlertEvents({ db, clock, enqueue }: EventsOptions) {
  /** Newest first. */
  async function list({
    status,
    severity,
    ruleId,
    from,
    to,
    limit,
    cursor,
  }: AlertEventList): Promise<Page<AlertEvent>> {
    const before = afterId(cursor)
    const rows = await db
      .select()
      .from(opsAlertEvents)
      .where(
        and(
          status && eq(opsAlertEvents.status, status),
          severity && eq(opsAlertEvents.severity, severity),
          ruleId === undefined ? undefined : eq(opsAlertEvents.ruleId, ruleId),
          from && gte(opsAlertEvents.firedAt, from),
          to && lt(opsAlertEvents.firedAt, to),
          before === null ? undefined : lt(opsAlertEvents.id, before),
        ),
      )
      .orderBy(desc(opsAlertEvents.id))
      .limit(limit + 1)
    return pageOf(rows.map(toAlertEvent), limit, ({ id }) => String(id))
  }

  async function get(id: number): Promise<AlertEventDetail> {
    return toAlertEventDetail(found(await db.select().from(opsAlertEvents).where(eq(opsAlertEvents.id, id))))
  }

  /** Somebody looks after it: messages about it stop. Throws `conflict` where it is over. */
  async function acknowledge(id: number, userId: number, actor: Actor): Promise<AlertEvent> {
    return db.transaction(async (tx) => {
      const row = found(await tx.select().from(opsAlertEvents).where(eq(opsAlertEvents.id, id)).for('update'))
      if (row.status !== 'firing') throw new AppError('conflict', { field: 'id' })
      if (row.acknowledgedAt !== null) return toAlertEvent(row)
      const rows = await tx
        .update(opsAlertEvents)
        .set({ acknowledgedAt: new Date(clock.now()), acknowledgedBy: userId })
        .where(eq(opsAlertEvents.id, id))
        .returning()
      await audit(tx, actor, 'alerts.events.acknowledge', id)
      return toAlertEvent(found(rows))
    })
  }

  /** Ends the episode by hand. While its condition holds a new one begins after the rule's hold. Throws `conflict`. */
  async function resolve({ id, note }: AlertEventResolve, userId: number, actor: Actor): Promise<AlertEvent> {
    return db.transaction(async (tx) => {
      const { ruleId } = found(await tx.select().from(opsAlertEvents).where(eq(opsAlertEvents.id, id)))
      if (ruleId !== null) await tx.select().from(alertProgress).where(eq(alertProgress.ruleId, ruleId)).for('update')
      const row = found(await tx.select().from(opsAlertEvents).where(eq(opsAlertEvents.id, id)).for('update'))
      if (row.status !== 'firing') throw new AppError('conflict', { field: 'id' })
      await endSeries(tx, row)
      const rows = await tx
        .update(opsAlertEvents)
        .set({
          status: 'manual_resolved',
          resolvedAt: new Date(clock.now()),
          resolvedReason: 'manual',
          resolvedBy: userId,
          resolvedNote: note ?? null,
        })
        .where(eq(opsAlertEvents.id, id))
        .returning()
      await audit(tx, actor, 'alerts.events.resolve', id, note === undefined ? {} : { note })
      return toAlertEvent(found(rows))
    })
  }

  /** The state that has the event open, if there is one, and the message of its end. */
  async function endSeries(tx: AlertTransaction, { id, ruleId }: EventRow): Promise<void> {
    const states = await tx.select().from(alertStates).where(eq(alertStates.eventId, id))
    const [rule] = ruleId === null ? [] : await tx.select().from(opsAlertRules).where(eq(opsAlertRules.id, ruleId))
    if (rule === undefined || states.length === 0) return
    const atMs = clock.now()
    await writeJudgements(tx, closeAll(toStoredRule(rule), states, atMs, 'manual'), atMs, enqueue)
  }

  /** Events that changed after a revision, in the order of their changes. */
  async function changesAfter(revision: number, limit: number): Promise<EventChange[]> {
    const rows = await db
      .select()
      .from(opsAlertEvents)
      .where(gt(opsAlertEvents.revision, revision))
      .orderBy(asc(opsAlertEvents.revision))
      .limit(limit)
    return rows.map((row) => ({ revision: row.revision, event: toAlertEvent(row) }))
  }

  async function newestRevision(): Promise<number> {
    const [row] = await db
      .select({ revision: sql<number>`coalesce(max(${opsAlertEvents.revision}), 0)::float8` })
      .from(opsAlertEvents)
    return row?.revision ?? 0
  }

  return { list, get, acknowledge, resolve, changesAfter, newestRevision }
}

function found([row]: EventRow[]): EventRow {
  if (row === undefined) throw new AppError('not_found', { field: 'id' })
  return row
}
