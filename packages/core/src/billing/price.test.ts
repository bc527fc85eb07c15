import { calcPrice } from '@pydantic/genai-prices'
import { describe, expect, it } from 'vitest'
import { NO_USAGE } from '../gateway/outcome.ts'
import { costOf } from './cost.ts'
import { createPriceList, type PriceOverride, priceOf } from './price.ts'

const NOW = Date.UTC(2026, 8, 1)
const DAY = 86_400_000

function override(fields: Partial<PriceOverride>): PriceOverride {
  return {
    provider: null,
    model: 'gpt-4o',
    serviceTier: null,
    inputNano: 1n,
    cachedInputNano: null,
    cacheWriteNano: null,
    outputNano: 2n,
    tiers: [],
    validFrom: new Date(NOW),
    ...fields,
  }
}

describe('list prices', () => {
  it.each([
    { model: 'gpt-4o', provider: 'openai' },
    { model: 'gpt-4o-2024-08-06', provider: 'openai' },
    { model: 'gpt-4o-2024-08-06', provider: 'azure-openai' },
    { model: 'gpt-4o', provider: 'openai-compatible' },
  ] as const)('$model at $provider costs 2.50, 1.25 cached and 10 dollars a million', ({ model, provider }) => {
    expect(priceOf(model, provider, [], NOW)).toEqual({
      inputNano: 2_500_000_000n,
      cachedInputNano: 1_250_000_000n,
      cacheWriteNano: 2_500_000_000n,
      outputNano: 10_000_000_000n,
      tiers: [],
      source: 'list',
    })
  })

  it.each(['no-such-model', '', '__proto__', 'gpt-4o\u0000', 'whisper-1', 'x'.repeat(10_000)])(
    'have no price for %j, rather than a price of zero',
    (model) => {
      expect(priceOf(model, 'openai', [], NOW)).toBeNull()
    },
  )

  it('change on the day the maker changed them', () => {
    const cut = Date.UTC(2025, 5, 10)
    expect(priceOf('o3', 'openai', [], cut - 1)?.inputNano).toBe(10_000_000_000n)
    expect(priceOf('o3', 'openai', [], cut)?.inputNano).toBe(2_000_000_000n)
  })

  it('change with the time of day where the maker says so', () => {
    const atHour = (hour: number, minute: number) =>
      priceOf('deepseek-chat', 'openai-compatible', [], Date.UTC(2025, 0, 1, hour, minute))?.outputNano
    expect(atHour(0, 29)).toBe(550_000_000n)
    expect(atHour(0, 30)).toBe(1_100_000_000n)
    expect(atHour(16, 29)).toBe(1_100_000_000n)
    expect(atHour(16, 30)).toBe(550_000_000n)
  })

  it.each([
    { model: 'gpt-4o-mini', provider: 'openai', id: 'openai' },
    { model: 'gpt-5.4', provider: 'openai', id: 'openai' },
    { model: 'gpt-5.6-luna', provider: 'openai', id: 'openai' },
    { model: 'o3', provider: 'azure-openai', id: 'azure' },
    { model: 'text-embedding-3-small', provider: 'openai', id: 'openai' },
    { model: 'deepseek-chat', provider: 'openai-compatible', id: undefined },
  ] as const)('agree with the package on what an answer of $model costs', ({ model, provider, id }) => {
    const price = priceOf(model, provider, [], NOW)
    for (const inputTokens of [1_000, 271_999, 272_000, 272_001, 1_000_000]) {
      const usage = { ...NO_USAGE, inputTokens, cachedInputTokens: 300, cacheWriteTokens: 200, outputTokens: 500 }
      const expected = calcPrice(
        { input_tokens: inputTokens, cache_read_tokens: 300, cache_write_tokens: 200, output_tokens: 500 },
        model,
        { providerId: id, timestamp: new Date(NOW) },
      )
      expect(price && costOf(usage, price, 10_000).costNano).toBe(Math.round((expected?.total_price ?? -1) * 1e9))
    }
  })

  it.each(['sandbox-small', 'sandbox-large', 'sandbox-reasoning', 'sandbox-small?eventMs=20&fault=stall'])(
    'name a price for %s',
    (model) => {
      expect(priceOf(model, 'sandbox', [], NOW)).toMatchObject({ source: 'sandbox', tiers: [] })
    },
  )
})

describe('overrides', () => {
  it('take the place of the list from the moment they are valid, never before', () => {
    const rows = [override({})]
    expect(priceOf('gpt-4o', 'openai', rows, NOW - 1)?.source).toBe('list')
    expect(priceOf('gpt-4o', 'openai', rows, NOW)).toEqual({
      inputNano: 1n,
      cachedInputNano: 1n,
      cacheWriteNano: 1n,
      outputNano: 2n,
      tiers: [],
      source: 'override',
    })
  })

  it.each([
    { at: NOW - 1, rows: [10n, 20n, 30n], inputNano: 2_500_000_000n },
    { at: NOW + 1, rows: [10n, 20n, 30n], inputNano: 10n },
    { at: NOW + DAY, rows: [10n, 20n, 30n], inputNano: 20n },
    { at: NOW + 2 * DAY - 1, rows: [10n, 20n, 30n], inputNano: 20n },
    { at: NOW + 2 * DAY, rows: [10n, 20n, 30n], inputNano: 30n },
  ])('the newest that is valid counts ($inputNano)', ({ at, rows, inputNano }) => {
    const dated = rows.map((nano, day) => override({ inputNano: nano, validFrom: new Date(NOW + day * DAY) }))
    expect(priceOf('gpt-4o', 'openai', dated, at)?.inputNano).toBe(inputNano)
    expect(priceOf('gpt-4o', 'openai', dated.toReversed(), at)?.inputNano).toBe(inputNano)
  })

  it.each([
    { model: 'gpt-4o', provider: 'openai', inputNano: 4n },
    { model: 'gpt-4o', provider: 'azure-openai', inputNano: 3n },
    { model: 'gpt-4o-mini', provider: 'openai', inputNano: 2n },
    { model: 'gpt-5', provider: 'openai', inputNano: 1n },
    { model: 'llama', provider: 'openai', inputNano: 0n },
  ] as const)('the closest row counts: $model at $provider', ({ model, provider, inputNano }) => {
    const rows = [
      override({ model: '*', inputNano: 0n }),
      override({ model: 'gpt-*', inputNano: 1n }),
      override({ model: 'gpt-4o*', inputNano: 2n }),
      override({ model: 'gpt-4o', inputNano: 3n, validFrom: new Date(NOW - DAY) }),
      override({ model: 'gpt-4o', provider: 'openai', inputNano: 4n, validFrom: new Date(NOW - 2 * DAY) }),
    ]
    expect(priceOf(model, provider, rows, NOW)?.inputNano).toBe(inputNano)
    expect(priceOf(model, provider, rows.toReversed(), NOW)?.inputNano).toBe(inputNano)
  })

  it.each([
    { tier: 'flex', inputNano: 5n },
    { tier: 'priority', inputNano: 7n },
    { tier: 'default', inputNano: 1n },
    { tier: null, inputNano: 1n },
  ])('of the service tier that was served go before those of all ($tier)', ({ tier, inputNano }) => {
    const rows = [
      override({ validFrom: new Date(NOW - 1) }),
      override({ serviceTier: 'flex', inputNano: 5n, validFrom: new Date(NOW - DAY) }),
      override({ serviceTier: 'priority', inputNano: 7n, validFrom: new Date(NOW - DAY) }),
    ]
    expect(priceOf('gpt-4o', 'openai', rows, NOW, tier)?.inputNano).toBe(inputNano)
    expect(priceOf('gpt-4o', 'openai', rows.toReversed(), NOW, tier)?.inputNano).toBe(inputNano)
  })

  it.each([
    { inputTokens: 200_000, costNano: 200_000 },
    { inputTokens: 200_001, costNano: 400_002 },
    { inputTokens: 1_000_001, costNano: 9_000_009 },
  ])('price a request by its size ($inputTokens tokens)', ({ inputTokens, costNano }) => {
    const tier = (aboveInputTokens: number, nano: string) => {
      return { aboveInputTokens, inputNano: nano, cachedInputNano: '0', cacheWriteNano: nano, outputNano: nano }
    }
    const tiers = [tier(1_000_000, '9000000'), tier(200_000, '2000000')]
    const price = priceOf('gpt-4o', 'openai', [override({ inputNano: 1_000_000n, tiers })], NOW)
    expect(price && costOf({ ...NO_USAGE, inputTokens }, price, 10_000).costNano).toBe(costNano)
  })

  it('of another provider do not count', () => {
    expect(priceOf('gpt-4o', 'openai', [override({ provider: 'azure-openai' })], NOW)?.source).toBe('list')
  })

  it('price a model the list does not know', () => {
    expect(priceOf('our-llama', 'openai-compatible', [override({ model: 'our-llama' })], NOW)?.outputNano).toBe(2n)
  })
})

describe('createPriceList', () => {
  it('gives the same answer the second time, and after more names than it remembers', () => {
    const list = createPriceList([override({ model: 'mine' })])
    const first = list.priceOf('mine', 'openai', NOW)
    expect(first?.source).toBe('override')
    for (let n = 0; n < 1_500; n += 1) expect(list.priceOf(`unknown-${n}`, 'openai', NOW)).toBeNull()
    expect(list.priceOf('mine', 'openai', NOW)).toEqual(first)
    expect(list.priceOf('unknown-1499', 'openai', NOW)).toBeNull()
  })

  it('keeps service tiers apart', () => {
    const list = createPriceList([override({}), override({ serviceTier: 'flex', inputNano: 9n })])
    const tiers = ['flex', null, 'flex', 'other'] as const
    expect(tiers.map((tier) => list.priceOf('gpt-4o', 'openai', NOW, tier)?.inputNano)).toEqual([9n, 1n, 9n, 1n])
  })

  it('looks a name up once while it remembers it', () => {
    const list = createPriceList([])
    expect(list.priceOf('gpt-4o', 'openai', NOW)).toBe(list.priceOf('gpt-4o', 'openai', NOW + 1))
  })
})
