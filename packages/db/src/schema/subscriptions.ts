import { SUBSCRIPTION_STATUSES } from '@turnpike/core/words'
import { sql } from 'drizzle-orm'
import { index, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { createdAt, id, instant, nano, oneOf, ref } from './columns.ts'
import { groups } from './groups.ts'
import { users } from './users.ts'

/** A user's membership of a subscription group, with what he spent in each window. */
export const subscriptions = pgTable(
  'subscriptions',
  {
    id: id(),
    userId: ref()
      .notNull()
      .references(() => users.id),
    groupId: ref()
      .notNull()
      .references(() => groups.id),
    status: text({ enum: SUBSCRIPTION_STATUSES }).notNull().default('active'),
    startsAt: instant().notNull(),
    expiresAt: instant().notNull(),
    /** Windows begin at midnight (setting `timeZone`) of their first use; null = not begun. */
    dayStartedAt: instant(),
    weekStartedAt: instant(),
    monthStartedAt: instant(),
    /** Settled spendings of the windows that run. */
    daySpentNano: spent(),
    weekSpentNano: spent(),
    monthSpentNano: spent(),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('subscriptions_active_unique').on(table.userId, table.groupId).where(sql`${table.status} = 'active'`),
    index('subscriptions_group_id_index').on(table.groupId),
    oneOf('subscriptions_status_check', table.status, SUBSCRIPTION_STATUSES),
  ],
)

function spent() {
  return nano().notNull().default(sql`0`)
}
