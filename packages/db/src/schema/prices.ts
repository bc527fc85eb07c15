import { PROVIDERS } from '@turnpike/core/words'
import { sql } from 'drizzle-orm'
import { jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { createdAt, id, instant, nano, oneOf } from './columns.ts'

/** Rates of requests with more input than `aboveInputTokens`; nano-dollars per million tokens as decimal strings. */
export interface PriceTier {
  aboveInputTokens: number
  inputNano: string
  cachedInputNano: string
  cacheWriteNano: string
  outputNano: string
}

/** Overrides of the price list, in nano-dollars per million tokens; the newest one valid when a request started counts. */
export const prices = pgTable(
  'prices',
  {
    id: id(),
    /** Null = whatever the provider. */
    provider: text({ enum: PROVIDERS }),
    /** A model's name, or its beginning followed by `*`. */
    model: text().notNull(),
    /** Service tier the upstream served (`flex`, `priority`, …); null = whatever the tier. */
    serviceTier: text(),
    inputNano: nano().notNull(),
    /** Null = as `inputNano`. */
    cachedInputNano: nano(),
    /** Null = as `inputNano`. */
    cacheWriteNano: nano(),
    outputNano: nano().notNull(),
    /** Ascending by `aboveInputTokens`. */
    tiers: jsonb().$type<PriceTier[]>().notNull().default([]),
    validFrom: instant().notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('prices_unique').on(
      sql`coalesce(${table.provider}, '')`,
      table.model,
      sql`coalesce(${table.serviceTier}, '')`,
      table.validFrom,
    ),
    oneOf('prices_provider_check', table.provider, PROVIDERS),
  ],
)
