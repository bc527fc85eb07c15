import { z } from 'zod'
import { PROVIDERS } from '../words.ts'
import { dollars, id, instant, line, model, page } from './primitives.ts'

const MAX_TIERS = 10
const provider = z.enum(PROVIDERS)
const serviceTier = line(50)
const tokens = z.int().min(0).max(1_000_000_000)

/** Dollars per million tokens. */
const rates = {
  input: dollars,
  /** Default: as input. */
  cachedInput: dollars.optional(),
  /** Default: as input. */
  cacheWrite: dollars.optional(),
  output: dollars,
}

export const priceList = z.strictObject({ query: line(200).optional(), ...page }).prefault({})

export const priceSet = z.strictObject({
  /** Default: whatever the provider. */
  provider: provider.nullable().default(null),
  /** A model's name, or its beginning followed by `*`. */
  model,
  /** Default: whatever the tier. */
  serviceTier: serviceTier.nullable().default(null),
  ...rates,
  /** Rates of whole requests with more input than that. */
  tiers: z
    .array(z.strictObject({ aboveInputTokens: tokens, ...rates }))
    .max(MAX_TIERS)
    .refine(isAscending, 'must ascend')
    .default([]),
  /** Requests that start from then on; default: now. */
  validFrom: instant.optional(),
})

/** What a price would have made of the last days. */
export const pricePreview = priceSet.omit({ validFrom: true }).extend({ days: z.int().min(1).max(31).default(7) })

export const priceRemove = z.strictObject({ id })

export const priceQuote = z.strictObject({
  model,
  provider: provider.default('openai'),
  serviceTier: serviceTier.nullable().default(null),
  inputTokens: tokens.default(0),
  cachedInputTokens: tokens.default(0),
  cacheWriteTokens: tokens.default(0),
  outputTokens: tokens.default(0),
  /** Whose multiplier; default: none. */
  groupId: id.optional(),
  /** Default: now. */
  at: instant.optional(),
})

export type PriceList = z.output<typeof priceList>
export type PriceSet = z.output<typeof priceSet>
export type PricePreview = z.output<typeof pricePreview>
export type PriceQuote = z.output<typeof priceQuote>

function isAscending(tiers: { aboveInputTokens: number }[]): boolean {
  return tiers.every(
    ({ aboveInputTokens }, at) => at === 0 || aboveInputTokens > (tiers[at - 1]?.aboveInputTokens ?? 0),
  )
}
