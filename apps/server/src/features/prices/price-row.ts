import type { PriceSet } from '@turnpike/core/inputs/prices'

/** A price as its row holds it. Of a tier every rate is written out; left out it is as the tier's input. */
export function toRow({ input, cachedInput, cacheWrite, output, tiers, validFrom, ...rest }: PriceSet, now: Date) {
  return {
    ...rest,
    inputNano: input,
    cachedInputNano: cachedInput ?? null,
    cacheWriteNano: cacheWrite ?? null,
    outputNano: output,
    tiers: tiers.map((tier) => ({
      aboveInputTokens: tier.aboveInputTokens,
      inputNano: String(tier.input),
      cachedInputNano: String(tier.cachedInput ?? tier.input),
      cacheWriteNano: String(tier.cacheWrite ?? tier.input),
      outputNano: String(tier.output),
    })),
    validFrom: validFrom ?? now,
  }
}
