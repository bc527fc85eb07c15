import { createHash } from 'node:crypto'
import type { AuditActorKind } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { auditLog } from '@turnpike/db/schema'
import { desc, sql } from 'drizzle-orm'

/** Who does something, as the audit log names him. */
export interface Actor {
  kind: AuditActorKind
  /** User or service token, by `kind`; null = the system. */
  id: number | null
  name: string
  ip: string | null
  requestId: string | null
}

export interface AuditEntry {
  /** The procedure, e.g. `users.update`. */
  action: string
  target: { type: string; id: string | number | null }
  /** What changed; never a secret. */
  change: Record<string, unknown>
}

export const SYSTEM: Actor = { kind: 'system', id: null, name: 'system', ip: null, requestId: null }

/** What the first row follows. */
export const CHAIN_START = '0'.repeat(64)
/** Held until the end of the transaction: rows are chained one after the other. */
const CHAIN_LOCK = 7_464_001

type Transaction = Pick<Db['db'], 'execute' | 'select' | 'insert'>

/**
 * Appends to the audit log, in the transaction of the change it tells of: neither is there without the other. Call it
 * last in the transaction, because everybody else's entry waits for it.
 */
export async function recordAudit(
  tx: Transaction,
  actor: Actor,
  { action, target, change }: AuditEntry,
): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${CHAIN_LOCK})`)
  const [last] = await tx.select({ hash: auditLog.hash }).from(auditLog).orderBy(desc(auditLog.id)).limit(1)
  const entry = {
    at: new Date(),
    actorKind: actor.kind,
    actorId: actor.id,
    actorName: actor.name,
    action,
    targetType: target.type,
    targetId: target.id === null ? null : String(target.id),
    change,
    ip: actor.ip,
    requestId: actor.requestId,
    previousHash: last?.hash ?? CHAIN_START,
  }
  await tx.insert(auditLog).values({ ...entry, hash: hashOfEntry(entry) })
}

/** `recordAudit` for all that a store does to one kind of thing. */
export function auditOf(type: string) {
  return function audit(
    tx: Transaction,
    actor: Actor,
    action: string,
    id: string | number | null,
    change: Record<string, unknown> = {},
  ): Promise<void> {
    return recordAudit(tx, actor, { action, target: { type, id }, change })
  }
}

type HashedEntry = Omit<typeof auditLog.$inferSelect, 'id' | 'hash'>

/** SHA-256 (hex) over every member and the row before. */
export function hashOfEntry(entry: HashedEntry): string {
  const { at, actorKind, actorId, actorName, action, targetType, targetId, change, ip, requestId, previousHash } = entry
  const members = [
    previousHash,
    at.toISOString(),
    actorKind,
    actorId,
    actorName,
    action,
    targetType,
    targetId,
    sorted(change),
    ip,
    requestId,
  ]
  return createHash('sha256').update(JSON.stringify(members)).digest('hex')
}

/** jsonb gives members back in an order of its own. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  )
}
