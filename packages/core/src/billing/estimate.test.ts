import fc from 'fast-check'
import { expect, test } from 'vitest'
import { costOf, type Price } from './cost.ts'
import { estimateNano } from './estimate.ts'

const DOLLAR = 1_000_000_000n

function price(inputNano: bigint, outputNano: bigint, changes: Partial<Price> = {}): Price {
  const rates = { inputNano, cachedInputNano: inputNano / 2n, cacheWriteNano: inputNano, outputNano }
  return { ...rates, tiers: [], source: 'override', ...changes }
}

const REQUEST = { inputBytes: 3_000, maxOutputTokens: 500, assumedOutputTokens: 4_096, multiplierE4: 10_000 }

test.each<[string, Partial<typeof REQUEST> | { maxOutputTokens: null }, Price[], number]>([
  ['the bytes / 3 as input, the stated maximum as output', {}, [price(DOLLAR, 2n * DOLLAR)], 2_000_000],
  ['a started token of input counts', { inputBytes: 1, maxOutputTokens: 0 }, [price(DOLLAR, DOLLAR)], 1_000],
  ['the output the group assumes where none is stated', { maxOutputTokens: null }, [price(0n, DOLLAR)], 4_096_000],
  ['no output where none may come', { maxOutputTokens: 0 }, [price(DOLLAR, DOLLAR)], 1_000_000],
  ['times the multiplier', { multiplierE4: 25_000 }, [price(0n, DOLLAR)], 1_250_000],
  ['by the dearest price', {}, [price(0n, DOLLAR), price(0n, 3n * DOLLAR)], 1_500_000],
  ['with the dearest kind of input', {}, [price(DOLLAR, 0n, { cacheWriteNano: 2n * DOLLAR })], 2_000_000],
  ['nothing without a price', {}, [], 0],
])('a request is estimated: %s', (_, changes, prices, nano) => {
  expect(estimateNano({ ...REQUEST, ...changes }, prices)).toBe(nano)
})

test('whoever stays within what was estimated is billed no more than that', () => {
  const rate = fc.bigInt(0n, 100n * DOLLAR)
  const count = fc.nat({ max: 1_000_000 })
  fc.assert(
    fc.property(
      fc.record({ inputNano: rate, cachedInputNano: rate, cacheWriteNano: rate, outputNano: rate }),
      fc.record({ bytes: count, output: count, input: count, cached: count, written: count, used: count }),
      fc.nat({ max: 100_000 }),
      (rates, asked, multiplierE4) => {
        const dated: Price = { ...rates, tiers: [], source: 'list' }
        const inputTokens = Math.min(asked.input, Math.ceil(asked.bytes / 3))
        const cachedInputTokens = Math.min(asked.cached, inputTokens)
        const usage = {
          inputTokens,
          cachedInputTokens,
          cacheWriteTokens: Math.min(asked.written, inputTokens - cachedInputTokens),
          outputTokens: Math.min(asked.used, asked.output),
          reasoningTokens: 0,
        }
        const request = {
          inputBytes: asked.bytes,
          maxOutputTokens: asked.output,
          assumedOutputTokens: 1,
          multiplierE4,
        }
        expect(costOf(usage, dated, multiplierE4).billedNano).toBeLessThanOrEqual(estimateNano(request, [dated]))
      },
    ),
  )
})
