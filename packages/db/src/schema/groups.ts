import {
  BILLING_MODES,
  GROUP_STATUSES,
  INSTRUCTION_MODES,
  ON_BUSY,
  ON_DISCONNECT,
  STICKINESS,
} from '@turnpike/core/words'
import { sql } from 'drizzle-orm'
import { bigint, boolean, check, index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { createdAt, id, nano, oneOf, ref } from './columns.ts'
import { users } from './users.ts'

export const groups = pgTable(
  'groups',
  {
    id: id(),
    name: text().notNull(),
    status: text({ enum: GROUP_STATUSES }).notNull().default('active'),
    billing: text({ enum: BILLING_MODES }).notNull().default('none'),
    /** Price multiplier × 10,000. */
    rateMultiplierE4: integer('rate_multiplier_e4').notNull().default(10_000),
    /** Only users named in `user_groups` may hold a key of it. */
    exclusive: boolean().notNull().default(false),
    /** Empty = every model its accounts serve. */
    models: text().array().notNull().default([]),
    requestsPerMinute: integer(),
    tokensPerMinute: bigint({ mode: 'number' }),
    instructionsMode: text({ enum: INSTRUCTION_MODES }).notNull().default('off'),
    instructionsText: text().notNull().default(''),
    onBusy: text({ enum: ON_BUSY }).notNull().default('wait'),
    onDisconnect: text({ enum: ON_DISCONNECT }).notNull().default('cancel'),
    stickiness: text({ enum: STICKINESS }).notNull().default('session'),
    limitDayNano: nano(),
    limitWeekNano: nano(),
    limitMonthNano: nano(),
    validityDays: integer(),
    connectTimeoutMs: integer().notNull().default(5_000),
    firstByteTimeoutMs: integer().notNull().default(300_000),
    idleTimeoutMs: integer().notNull().default(180_000),
    totalTimeoutMs: integer().notNull().default(1_800_000),
    maxAccountSwitches: integer().notNull().default(3),
    assumedOutputTokens: integer().notNull().default(4_096),
    createdAt: createdAt(),
  },
  (table) => [
    oneOf('groups_status_check', table.status, GROUP_STATUSES),
    oneOf('groups_billing_check', table.billing, BILLING_MODES),
    oneOf('groups_instructions_mode_check', table.instructionsMode, INSTRUCTION_MODES),
    oneOf('groups_on_busy_check', table.onBusy, ON_BUSY),
    oneOf('groups_on_disconnect_check', table.onDisconnect, ON_DISCONNECT),
    oneOf('groups_stickiness_check', table.stickiness, STICKINESS),
    check('groups_rate_multiplier_check', sql`${table.rateMultiplierE4} >= 0`),
  ],
)

/** Which users may hold keys of an exclusive group. */
export const userGroups = pgTable(
  'user_groups',
  {
    userId: ref()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    groupId: ref()
      .notNull()
      .references(() => groups.id, { onDelete: 'cascade' }),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.groupId] }),
    index('user_groups_group_id_index').on(table.groupId),
  ],
)
