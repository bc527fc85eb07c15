import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NO_USAGE, type TokenUsage } from '../gateway/outcome.ts'
import { costOf, type Price } from './cost.ts'

const FLAT: Price = {
  inputNano: 2_500_000_000n,
  cachedInputNano: 1_250_000_000n,
  cacheWriteNano: 3_125_000_000n,
  outputNano: 10_000_000_000n,
  tiers: [],
  source: 'list',
}

describe('costOf', () => {
  it.each([
    { usage: {}, multiplierE4: 10_000, costNano: 0, billedNano: 0, why: 'no tokens' },
    { usage: { inputTokens: 1_000 }, multiplierE4: 10_000, costNano: 2_500_000, billedNano: 2_500_000, why: 'input' },
    {
      usage: { inputTokens: 1_000, cachedInputTokens: 400 },
      multiplierE4: 10_000,
      costNano: 2_000_000,
      billedNano: 2_000_000,
      why: 'cached input is not counted as input too',
    },
    {
      usage: { inputTokens: 1_000, cachedInputTokens: 400, cacheWriteTokens: 200 },
      multiplierE4: 10_000,
      costNano: 2_125_000,
      billedNano: 2_125_000,
      why: 'cache writes are not counted as input too',
    },
    {
      usage: { inputTokens: 10, cachedInputTokens: 40 },
      multiplierE4: 10_000,
      costNano: 50_000,
      billedNano: 50_000,
      why: 'more cached than input leaves no input, not less than none',
    },
    {
      usage: { outputTokens: 100, reasoningTokens: 90 },
      multiplierE4: 10_000,
      costNano: 1_000_000,
      billedNano: 1_000_000,
      why: 'reasoning is part of the output',
    },
    {
      usage: { outputTokens: 100 },
      multiplierE4: 15_000,
      costNano: 1_000_000,
      billedNano: 1_500_000,
      why: '1.5 times',
    },
    { usage: { outputTokens: 100 }, multiplierE4: 0, costNano: 1_000_000, billedNano: 0, why: 'a free group' },
  ])('prices $why', ({ usage, multiplierE4, costNano, billedNano }) => {
    expect(costOf({ ...NO_USAGE, ...usage }, FLAT, multiplierE4)).toEqual({ costNano, billedNano })
  })

  it.each([
    { outputNano: 499_999n, costNano: 0 },
    { outputNano: 500_000n, costNano: 1 },
    { outputNano: 1_499_999n, costNano: 1 },
    { outputNano: 1_500_000n, costNano: 2 },
  ])(
    'rounds half a nano-dollar up: one token at $outputNano per million costs $costNano',
    ({ outputNano, costNano }) => {
      expect(costOf({ ...NO_USAGE, outputTokens: 1 }, { ...FLAT, outputNano }, 10_000).costNano).toBe(costNano)
    },
  )

  it('rounds the bill from the exact sum, not from the rounded cost', () => {
    const price = { ...FLAT, outputNano: 499_999n }
    expect(costOf({ ...NO_USAGE, outputTokens: 1 }, price, 30_000)).toEqual({ costNano: 0, billedNano: 1 })
  })

  it('prices the whole request by the tier its input lies above, from the token after it', () => {
    const tier = { ...FLAT, inputNano: 5_000_000_000n, outputNano: 15_000_000_000n, aboveInputTokens: 200_000 }
    const price = { ...FLAT, tiers: [tier] }
    const at = costOf({ ...NO_USAGE, inputTokens: 200_000, outputTokens: 1_000 }, price, 10_000)
    const above = costOf({ ...NO_USAGE, inputTokens: 200_001, outputTokens: 1_000 }, price, 10_000)
    expect(at.costNano).toBe(510_000_000)
    expect(above.costNano).toBe(1_015_005_000)
  })

  it('gives the largest whole number a double holds exactly, and that for everything above', () => {
    const price = { ...FLAT, outputNano: BigInt(Number.MAX_SAFE_INTEGER) }
    const usage = { ...NO_USAGE, outputTokens: 1_000_000 }
    expect(costOf(usage, price, 10_000).costNano).toBe(Number.MAX_SAFE_INTEGER)
    expect(costOf({ ...usage, outputTokens: 1_000_001 }, price, 10_000).costNano).toBe(Number.MAX_SAFE_INTEGER)
    expect(costOf(usage, price, 9_999).billedNano).toBeLessThan(Number.MAX_SAFE_INTEGER)
  })

  it('agrees with exact fractions on any usage, price and multiplier', () => {
    const tokens = fc.integer({ min: 0, max: 2_000_000 })
    const rate = fc.bigInt({ min: 0n, max: 600_000_000_000n })
    fc.assert(
      fc.property(
        fc.record({ plain: tokens, cached: tokens, written: tokens, output: tokens }),
        fc.record({ inputNano: rate, cachedInputNano: rate, cacheWriteNano: rate, outputNano: rate }),
        fc.integer({ min: 0, max: 100_000 }),
        ({ plain, cached, written, output }, rates, multiplierE4) => {
          const usage: TokenUsage = {
            inputTokens: plain + cached + written,
            cachedInputTokens: cached,
            cacheWriteTokens: written,
            outputTokens: output,
            reasoningTokens: 0,
          }
          const { costNano, billedNano } = costOf(usage, { ...rates, tiers: [], source: 'list' }, multiplierE4)
          const sum = [
            BigInt(plain) * rates.inputNano,
            BigInt(cached) * rates.cachedInputNano,
            BigInt(written) * rates.cacheWriteNano,
            BigInt(output) * rates.outputNano,
          ].reduce((a, b) => a + b)
          expectNearest(costNano, sum, 1_000_000n)
          expectNearest(billedNano, sum * BigInt(multiplierE4), 10_000_000_000n)
        },
      ),
    )
  })
})

/** `whole` is the whole number nearest to numerator / denominator, the greater of two that are equally near. */
function expectNearest(whole: number, numerator: bigint, denominator: bigint): void {
  const twiceTheError = 2n * (BigInt(whole) * denominator - numerator)
  expect(twiceTheError).toBeLessThanOrEqual(denominator)
  expect(twiceTheError).toBeGreaterThan(-denominator)
}
