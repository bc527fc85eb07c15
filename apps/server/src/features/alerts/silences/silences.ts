import type { SilenceStatus } from '@turnpike/core/alerts/words'
import type { SilenceCreate, SilenceList } from '@turnpike/core/inputs/alert-silences'
import type { AlertSeverity, SilenceKind } from '@turnpike/core/ops/words'
import type { Db } from '@turnpike/db'
import { alertSilences, opsAlertRules } from '@turnpike/db/schema'
import { and, desc, eq, gt, isNotNull, isNull, lt, lte, or, type SQL } from 'drizzle-orm'
import { AppError } from '../../../shared/app-error.ts'
import { type Actor, auditOf } from '../../../shared/audit.ts'
import { afterId, type Page, pageOf } from '../../../shared/keyset.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'

const audit = auditOf('alert_silence')
const MAX_MS = 366 * 86_400_000

type SilenceRow = typeof alertSilences.$inferSelect

/** A silence or maintenance window as the API shows it. */
export interface Silence {
  id: number
  kind: SilenceKind
  status: SilenceStatus
  ruleId: number | null
  severities: AlertSeverity[]
  labels: Record<string, string>
  startsAt: string
  endsAt: string
  reason: string
  createdBy: number | null
  createdAt: string
  endedAt: string | null
  endedBy: number | null
}

export type Silences = ReturnType<typeof createSilences>

/** Time-bounded mutes of messages; events go on being recorded. */
export function createSilences({ db, clock }: { db: Db['db']; clock: WallClock }) {
  /** The newest first. */
  async function list({ status, ruleId, limit, cursor }: SilenceList): Promise<Page<Silence>> {
    const before = afterId(cursor)
    const now = new Date(clock.now())
    const rows = await db
      .select()
      .from(alertSilences)
      .where(
        and(
          status && STATUS[status](now),
          ruleId === undefined ? undefined : eq(alertSilences.ruleId, ruleId),
          before === null ? undefined : lt(alertSilences.id, before),
        ),
      )
      .orderBy(desc(alertSilences.id))
      .limit(limit + 1)
    return pageOf(
      rows.map((row) => toSilence(row, now)),
      limit,
      ({ id }) => String(id),
    )
  }

  async function create({ startsAt, endsAt, ruleId = null, ...values }: SilenceCreate, actor: Actor): Promise<Silence> {
    const now = new Date(clock.now())
    const from = startsAt ?? now
    const ms = endsAt.getTime() - from.getTime()
    if (ms <= 0 || ms > MAX_MS || endsAt <= now) throw new AppError('invalid_input', { field: 'endsAt' })
    return db.transaction(async (tx) => {
      if (ruleId !== null) {
        const [rule] = await tx.select({ id: opsAlertRules.id }).from(opsAlertRules).where(eq(opsAlertRules.id, ruleId))
        if (!rule) throw new AppError('not_found', { field: 'ruleId' })
      }
      const [row] = await tx
        .insert(alertSilences)
        .values({ ...values, ruleId, startsAt: from, endsAt, createdBy: userIdOf(actor) })
        .returning()
      if (row === undefined) throw new AppError('internal')
      const silence = toSilence(row, now)
      await audit(tx, actor, 'alerts.silences.create', silence.id, { ...silence })
      return silence
    })
  }

  /** Ends it now; one that has ended stays as it is. */
  async function end(id: number, actor: Actor): Promise<Silence> {
    const now = new Date(clock.now())
    return db.transaction(async (tx) => {
      const [row] = await tx.select().from(alertSilences).where(eq(alertSilences.id, id)).for('update')
      if (row === undefined) throw new AppError('not_found', { field: 'id' })
      if (statusOf(row, now) === 'ended') return toSilence(row, now)
      const ended = { endedAt: now, endedBy: userIdOf(actor) }
      await tx.update(alertSilences).set(ended).where(eq(alertSilences.id, id))
      await audit(tx, actor, 'alerts.silences.end', id)
      return toSilence({ ...row, ...ended }, now)
    })
  }

  return { list, create, end }
}

const STATUS = {
  pending: (now) => and(isNull(alertSilences.endedAt), gt(alertSilences.startsAt, now)),
  active: (now) => and(isNull(alertSilences.endedAt), lte(alertSilences.startsAt, now), gt(alertSilences.endsAt, now)),
  ended: (now) => or(isNotNull(alertSilences.endedAt), lte(alertSilences.endsAt, now)),
} as const satisfies Record<SilenceStatus, (now: Date) => SQL | undefined>

function statusOf({ startsAt, endsAt, endedAt }: SilenceRow, now: Date): SilenceStatus {
  if (endedAt !== null || endsAt <= now) return 'ended'
  return startsAt > now ? 'pending' : 'active'
}

function toSilence(row: SilenceRow, now: Date): Silence {
  return {
    ...row,
    status: statusOf(row, now),
    labels: labelsOf(row),
    startsAt: row.startsAt.toISOString(),
    endsAt: row.endsAt.toISOString(),
    createdAt: row.createdAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
  }
}

/** Safe as a cast: nothing but what `silenceCreate` let through is ever written there. */
export function labelsOf({ labels }: Pick<SilenceRow, 'labels'>): Record<string, string> {
  return labels as Record<string, string>
}

function userIdOf({ kind, id }: Actor): number | null {
  return kind === 'user' ? id : null
}
