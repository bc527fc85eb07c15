import { index, pgTable, text } from 'drizzle-orm/pg-core'
import { createdAt, id, instant, ref } from './columns.ts'
import { users } from './users.ts'

/** Credentials of programs for tRPC; they can do what is in `scopes`, as long as their creator still could. */
export const serviceTokens = pgTable(
  'service_tokens',
  {
    id: id(),
    /** Keyed hash of the whole token. */
    tokenHash: text().notNull().unique('service_tokens_token_hash_unique'),
    last4: text().notNull(),
    name: text().notNull(),
    /** Permissions, ⊆ those of the creator. */
    scopes: text().array().notNull(),
    createdById: ref()
      .notNull()
      .references(() => users.id),
    expiresAt: instant().notNull(),
    revokedAt: instant(),
    lastUsedAt: instant(),
    createdAt: createdAt(),
  },
  (table) => [index('service_tokens_created_by_id_index').on(table.createdById)],
)
