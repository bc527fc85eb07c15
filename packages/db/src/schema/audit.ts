import { AUDIT_ACTORS } from '@turnpike/core/words'
import { index, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import { id, instant, oneOf, ref } from './columns.ts'

/** What people and programs changed: append-only (a trigger refuses anything else), each row bound to the one before. */
export const auditLog = pgTable(
  'audit_log',
  {
    id: id(),
    at: instant().notNull(),
    actorKind: text({ enum: AUDIT_ACTORS }).notNull(),
    /** User or service token, by `actorKind`; null = the system. */
    actorId: ref(),
    actorName: text().notNull(),
    /** The procedure, e.g. `users.update`. */
    action: text().notNull(),
    targetType: text().notNull(),
    targetId: text(),
    /** What changed; never a secret. */
    change: jsonb().$type<Record<string, unknown>>().notNull(),
    ip: text(),
    requestId: text(),
    /** SHA-256 (hex) of the row before, and of this one including it. */
    previousHash: text().notNull(),
    hash: text().notNull(),
  },
  (table) => [
    index('audit_log_target_index').on(table.targetType, table.targetId, table.id),
    index('audit_log_actor_index').on(table.actorKind, table.actorId, table.id),
    oneOf('audit_log_actor_kind_check', table.actorKind, AUDIT_ACTORS),
  ],
)
