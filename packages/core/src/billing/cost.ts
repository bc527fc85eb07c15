import type { TokenUsage } from '../gateway/outcome.ts'

/** Nano-dollars per million tokens. */
export interface Rates {
  inputNano: bigint
  cachedInputNano: bigint
  cacheWriteNano: bigint
  outputNano: bigint
}

/** What a model's tokens cost. A request with more input than a tier's `aboveInputTokens` is priced by that tier as a whole. */
export interface Price extends Rates {
  /** Ascending. */
  tiers: readonly (Rates & { aboveInputTokens: number })[]
  source: 'override' | 'list' | 'sandbox'
}

export interface Cost {
  /** What the tokens cost by the price. */
  costNano: number
  /** The same times the group's multiplier: what the user pays. */
  billedNano: number
}

const ONE_E4 = 10_000n
/** Tokens × nano-dollars per million × a multiplier in ten-thousandths. */
const SCALE = 10n ** 10n
const LARGEST = BigInt(Number.MAX_SAFE_INTEGER)

/**
 * Cost and bill of one answer in nano-dollars (spec: accounts and billing, "Money"): exact, rounded half up, each once.
 * Counts are whole and not negative; `multiplierE4` is the group's multiplier × 10,000. An amount above 2^53 − 1 nano-dollars
 * (nine million dollars: an upstream that lies) is given as 2^53 − 1, so that the request still gets its ledger row.
 */
export function costOf(usage: TokenUsage, price: Price, multiplierE4: number): Cost {
  const weight = weigh(usage, ratesFor(usage.inputTokens, price))
  return { costNano: roundHalfUp(weight * ONE_E4), billedNano: roundHalfUp(weight * BigInt(multiplierE4)) }
}

function ratesFor(inputTokens: number, price: Price): Rates {
  let rates: Rates = price
  for (const tier of price.tiers) {
    if (inputTokens > tier.aboveInputTokens) rates = tier
  }
  return rates
}

function weigh(usage: TokenUsage, rates: Rates): bigint {
  const plainInput = Math.max(0, usage.inputTokens - usage.cachedInputTokens - usage.cacheWriteTokens)
  return (
    BigInt(plainInput) * rates.inputNano +
    BigInt(usage.cachedInputTokens) * rates.cachedInputNano +
    BigInt(usage.cacheWriteTokens) * rates.cacheWriteNano +
    BigInt(usage.outputTokens) * rates.outputNano
  )
}

function roundHalfUp(scaled: bigint): number {
  const nano = (scaled + SCALE / 2n) / SCALE
  return Number(nano > LARGEST ? LARGEST : nano)
}
