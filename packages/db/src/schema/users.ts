import { ROLES, USER_STATUSES } from '@turnpike/core/words'
import { sql } from 'drizzle-orm'
import { bigint, index, integer, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { createdAt, id, instant, nano, oneOf, ref } from './columns.ts'

export const users = pgTable(
  'users',
  {
    id: id(),
    email: text().notNull(),
    name: text().notNull().default(''),
    role: text({ enum: ROLES }).notNull().default('user'),
    status: text({ enum: USER_STATUSES }).notNull().default('active'),
    /** Argon2id; null = cannot sign in with a password. */
    passwordHash: text(),
    /** Requests in flight; 0 = no limit. */
    concurrency: integer().notNull().default(5),
    balanceNano: nano().notNull().default(sql`0`),
    /** Everything that was ever billed to the balance and settled; grows with each ledger row, in its transaction. */
    billedNano: nano().notNull().default(sql`0`),
    notes: text().notNull().default(''),
    /** A sealed TOTP secret; null = no second factor. It counts from `totpEnabledAt` on. */
    totpSecretSealed: text(),
    totpEnabledAt: instant(),
    /** Time step of the last code that was taken: none is good twice. */
    totpLastStep: bigint({ mode: 'number' }),
    /** Keyed hashes of the recovery codes not used yet. */
    recoveryCodeHashes: text().array().notNull().default([]),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('users_email_unique').on(sql`lower(${table.email})`),
    oneOf('users_role_check', table.role, ROLES),
    oneOf('users_status_check', table.status, USER_STATUSES),
  ],
)

export const sessions = pgTable(
  'sessions',
  {
    id: id(),
    /** Keyed hash of the opaque cookie value. */
    tokenHash: text().notNull().unique('sessions_token_hash_unique'),
    userId: ref()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    createdAt: createdAt(),
    lastSeenAt: instant().notNull().defaultNow(),
    /** The absolute end, however active the session is. */
    expiresAt: instant().notNull(),
    ip: text(),
    userAgent: text(),
    revokedAt: instant(),
  },
  (table) => [index('sessions_user_id_index').on(table.userId), index('sessions_expires_at_index').on(table.expiresAt)],
)

/** Single-use links: the first password of a new user, or a new one for who forgot his. */
export const invites = pgTable(
  'invites',
  {
    id: id(),
    /** Keyed hash of the token in the link. */
    tokenHash: text().notNull().unique('invites_token_hash_unique'),
    userId: ref()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    expiresAt: instant().notNull(),
    usedAt: instant(),
    createdAt: createdAt(),
  },
  (table) => [index('invites_user_id_index').on(table.userId)],
)
