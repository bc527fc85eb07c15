import { PROVIDERS } from '@turnpike/core/words'
import { sql } from 'drizzle-orm'
import { pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { createdAt, id, instant, nano, oneOf } from './columns.ts'

/** Overrides of the price list, in nano-dollars per million tokens; the newest one valid when a request started counts. */
export const prices = pgTable(
  'prices',
  {
    id: id(),
    /** Null = whatever the provider. */
    provider: text({ enum: PROVIDERS }),
    /** A model's name, or its beginning followed by `*`. */
    model: text().notNull(),
    inputNano: nano().notNull(),
    /** Null = as `inputNano`. */
    cachedInputNano: nano(),
    /** Null = as `inputNano`. */
    cacheWriteNano: nano(),
    outputNano: nano().notNull(),
    validFrom: instant().notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('prices_unique').on(sql`coalesce(${table.provider}, '')`, table.model, table.validFrom),
    oneOf('prices_provider_check', table.provider, PROVIDERS),
  ],
)
