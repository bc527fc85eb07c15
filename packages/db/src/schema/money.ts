import { CREDIT_KINDS, PURSE_KINDS, REDEEM_KINDS } from '@turnpike/core/words'
import { sql } from 'drizzle-orm'
import { type AnyPgColumn, index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, id, instant, nano, oneOf, ref } from './columns.ts'
import { groups } from './groups.ts'
import { apiKeys } from './keys.ts'
import { users } from './users.ts'

/**
 * Every change of a balance that is not a bill: with the ledger and the leases it explains each stored balance to the
 * nano-dollar (stored + leased = sum of these − sum of bills). Append-only.
 */
export const balanceChanges = pgTable(
  'balance_changes',
  {
    id: id(),
    userId: ref()
      .notNull()
      .references(() => users.id),
    kind: text({ enum: CREDIT_KINDS }).notNull(),
    amountNano: nano().notNull(),
    reason: text().notNull().default(''),
    /** Who did it; null = nobody in person. */
    actorUserId: ref().references((): AnyPgColumn => users.id),
    redeemCodeId: ref(),
    at: createdAt(),
  },
  (table) => [
    index('balance_changes_user_id_index').on(table.userId, table.id),
    oneOf('balance_changes_kind_check', table.kind, CREDIT_KINDS),
  ],
)

/**
 * Credit that one running instance has taken out of a purse: a balance, a subscription's windows, a key's limits. What is
 * not settled goes back when the lease ends, also that of an instance that died.
 */
export const creditLeases = pgTable(
  'credit_leases',
  {
    /** Made by the instance, so that it can name a lease whose making it did not see confirmed. */
    id: uuid().primaryKey(),
    purse: text({ enum: PURSE_KINDS }).notNull(),
    /** User, subscription or key, by `purse`. */
    ownerId: ref().notNull(),
    bootId: text().notNull(),
    /** Leased and not yet settled or given back. */
    amountNano: nano().notNull(),
    expiresAt: instant().notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    index('credit_leases_owner_index').on(table.purse, table.ownerId),
    index('credit_leases_expires_at_index').on(table.expiresAt),
    oneOf('credit_leases_purse_check', table.purse, PURSE_KINDS),
  ],
)

/** What a key has spent and settled: all in all, on the calendar day and in the month named here. */
export const keySpending = pgTable('key_spending', {
  keyId: ref()
    .primaryKey()
    .references(() => apiKeys.id, { onDelete: 'cascade' }),
  totalNano: nano().notNull().default(sql`0`),
  dayStartedAt: instant(),
  dayNano: nano().notNull().default(sql`0`),
  monthStartedAt: instant(),
  monthNano: nano().notNull().default(sql`0`),
})

/** Codes that add to a balance or give days of a subscription; only their keyed hash is kept. */
export const redeemCodes = pgTable(
  'redeem_codes',
  {
    id: id(),
    codeHash: text().notNull().unique('redeem_codes_code_hash_unique'),
    last4: text().notNull(),
    kind: text({ enum: REDEEM_KINDS }).notNull(),
    amountNano: nano(),
    groupId: ref().references(() => groups.id),
    days: integer(),
    notes: text().notNull().default(''),
    expiresAt: instant(),
    redeemedById: ref().references(() => users.id),
    redeemedAt: instant(),
    createdById: ref().references(() => users.id),
    createdAt: createdAt(),
  },
  (table) => [
    index('redeem_codes_redeemed_by_id_index').on(table.redeemedById),
    oneOf('redeem_codes_kind_check', table.kind, REDEEM_KINDS),
  ],
)
