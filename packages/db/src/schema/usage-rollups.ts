import { USAGE_DIMENSIONS } from '@turnpike/core/words'
import { bigint, boolean, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { instant, nano } from './columns.ts'

export const USAGE_STEPS = ['hour', 'day'] as const

/**
 * What the ledger's rows of an hour or a day of UTC come to, by when they began: of all of them, and of each user, key,
 * group, account, model and endpoint. Only those that `usageRollupsMade` names are true; nothing else may be read.
 */
export const usageRollups = pgTable(
  'usage_rollups',
  {
    step: text({ enum: USAGE_STEPS }).notNull(),
    bucket: instant().notNull(),
    dimension: text({ enum: USAGE_DIMENSIONS }).notNull(),
    /** As text; null where the ledger names none, and of all. */
    id: text(),
    requests: bigint({ mode: 'number' }).notNull(),
    errors: bigint({ mode: 'number' }).notNull(),
    inputTokens: bigint({ mode: 'number' }).notNull(),
    cachedInputTokens: bigint({ mode: 'number' }).notNull(),
    outputTokens: bigint({ mode: 'number' }).notNull(),
    /** Null = none of them had a price. */
    costNano: nano(),
    billedNano: nano().notNull(),
  },
  (table) => [index('usage_rollups_index').on(table.dimension, table.step, table.bucket)],
)

/**
 * Hours and days whose roll-ups are made. Whoever writes a row of the ledger that began in one of them removes it in the
 * same transaction: from then on that time is read from the ledger, until it is made again.
 */
export const usageRollupsMade = pgTable(
  'usage_rollups_made',
  {
    step: text({ enum: USAGE_STEPS }).notNull(),
    bucket: instant().notNull(),
    /** Who announced that they would be made: nobody else may say that they are. */
    announcement: uuid().notNull(),
    /** False while they are being made. */
    isMade: boolean().notNull(),
  },
  (table) => [primaryKey({ columns: [table.step, table.bucket] })],
)
