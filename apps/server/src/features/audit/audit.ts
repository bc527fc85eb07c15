import type { AuditList } from '@turnpike/core/inputs/audit'
import type { AuditActorKind } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { auditLog } from '@turnpike/db/schema'
import { and, asc, desc, eq, gt, gte, lt } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import { CHAIN_START, hashOfEntry } from '../../shared/audit.ts'
import { afterId, type Page, pageOf } from '../../shared/keyset.ts'

const VERIFY_BATCH_ROWS = 2_000

/** What somebody did, as the API shows it. */
export interface AuditItem {
  id: number
  at: string
  actor: { kind: AuditActorKind; id: number | null; name: string }
  action: string
  target: { type: string; id: string | null }
  change: Record<string, unknown>
  ip: string | null
  requestId: string | null
  hash: string
}

/** Whether the chain holds; `brokenAt` is the first row that does not follow from those before it. */
export interface AuditVerdict {
  ok: boolean
  rows: number
  brokenAt: number | null
}

export type Audit = ReturnType<typeof createAudit>

/** The audit log, to read and to check; written by `recordAudit`. */
export function createAudit({ db }: { db: Db['db'] }) {
  /** Newest first. */
  async function list(filters: AuditList): Promise<Page<AuditItem>> {
    const { actorKind, actorId, action, targetType, targetId, from, to, limit } = filters
    const before = afterId(filters.cursor)
    const rows = await db
      .select()
      .from(auditLog)
      .where(
        and(
          actorKind && eq(auditLog.actorKind, actorKind),
          actorId === undefined ? undefined : eq(auditLog.actorId, actorId),
          action === undefined ? undefined : eq(auditLog.action, action),
          targetType === undefined ? undefined : eq(auditLog.targetType, targetType),
          targetId === undefined ? undefined : eq(auditLog.targetId, targetId),
          from && gte(auditLog.at, from),
          to && lt(auditLog.at, to),
          before === null ? undefined : lt(auditLog.id, before),
        ),
      )
      .orderBy(desc(auditLog.id))
      .limit(limit + 1)
    return pageOf(rows.map(toItem), limit, (item) => String(item.id))
  }

  async function get(id: number): Promise<AuditItem> {
    const [row] = await db.select().from(auditLog).where(eq(auditLog.id, id))
    if (row === undefined) throw new AppError('not_found')
    return toItem(row)
  }

  /** Walks the whole chain. A row that was altered, removed or put in breaks it. */
  async function verify(): Promise<AuditVerdict> {
    let previousHash = CHAIN_START
    let lastId = 0
    let count = 0
    for (;;) {
      const rows = await db
        .select()
        .from(auditLog)
        .where(gt(auditLog.id, lastId))
        .orderBy(asc(auditLog.id))
        .limit(VERIFY_BATCH_ROWS)
      for (const { id, hash, ...entry } of rows) {
        count++
        if (entry.previousHash !== previousHash || hashOfEntry(entry) !== hash)
          return { ok: false, rows: count, brokenAt: id }
        previousHash = hash
        lastId = id
      }
      if (rows.length < VERIFY_BATCH_ROWS) return { ok: true, rows: count, brokenAt: null }
    }
  }

  return { list, get, verify }
}

function toItem(row: typeof auditLog.$inferSelect): AuditItem {
  return {
    id: row.id,
    at: row.at.toISOString(),
    actor: { kind: row.actorKind, id: row.actorId, name: row.actorName },
    action: row.action,
    target: { type: row.targetType, id: row.targetId },
    change: row.change,
    ip: row.ip,
    requestId: row.requestId,
    hash: row.hash,
  }
}
