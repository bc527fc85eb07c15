import { KEY_STATUSES } from '@turnpike/core/words'
import { type AnyPgColumn, bigint, index, integer, pgTable, text } from 'drizzle-orm/pg-core'
import { createdAt, id, instant, nano, oneOf, ref } from './columns.ts'
import { groups } from './groups.ts'
import { users } from './users.ts'

export const apiKeys = pgTable(
  'api_keys',
  {
    id: id(),
    /** The part of the key that finds its row; the rest is only ever compared as `secretHash`. */
    publicId: text().notNull().unique('api_keys_public_id_unique'),
    /** HMAC-SHA-256 of the whole key under the pepper of `pepperVersion`, hex. */
    secretHash: text().notNull(),
    pepperVersion: integer().notNull().default(1),
    last4: text().notNull(),
    userId: ref()
      .notNull()
      .references(() => users.id),
    groupId: ref()
      .notNull()
      .references(() => groups.id),
    name: text().notNull(),
    status: text({ enum: KEY_STATUSES }).notNull().default('active'),
    expiresAt: instant(),
    /** Requests in flight; 0 = no limit. */
    concurrency: integer().notNull().default(0),
    requestsPerMinute: integer(),
    tokensPerMinute: bigint({ mode: 'number' }),
    limitTotalNano: nano(),
    limitDayNano: nano(),
    limitMonthNano: nano(),
    /** Empty = every model of the group. */
    models: text().array().notNull().default([]),
    /** Empty = usable from every address. */
    cidrs: text().array().notNull().default([]),
    /** The key that took over by rotation; this one lives on until `expiresAt`. */
    replacedById: ref().references((): AnyPgColumn => apiKeys.id),
    lastUsedAt: instant(),
    createdAt: createdAt(),
  },
  (table) => [
    index('api_keys_user_id_index').on(table.userId),
    index('api_keys_group_id_index').on(table.groupId),
    oneOf('api_keys_status_check', table.status, KEY_STATUSES),
  ],
)
