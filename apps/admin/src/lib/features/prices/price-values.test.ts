import { priceSet } from '@turnpike/core/inputs/prices'
import { expect, test } from 'vitest'
import { newTier, type Price, priceInput, valuesOfPrice } from './price-values.ts'

const PRICE: Price = {
  id: 1,
  provider: 'openai',
  model: 'gpt-4o*',
  serviceTier: 'flex',
  input: '2.5',
  cachedInput: '0.25',
  cacheWrite: '2.5',
  output: '10',
  tiers: [{ aboveInputTokens: 200_000, input: '5', cachedInput: '0.5', cacheWrite: '5', output: '20' }],
  validFrom: '2026-01-01T00:00:00.000Z',
  createdAt: '2026-01-01T00:00:00.000Z',
}

test('a price that replaces another begins as that one, from now on', () => {
  const { id: _id, createdAt: _created, validFrom: _from, ...same } = PRICE
  expect(priceInput(valuesOfPrice(PRICE))).toEqual({ ...same, validFrom: undefined })
})

test('rates that are left out are left to the server, which takes the input’s', () => {
  const values = { ...valuesOfPrice(null), model: ' m ', input: ' 1 ', output: '2', tiers: [newTier()] }
  const input = priceInput(values)
  expect(input).toMatchObject({ provider: null, model: 'm', serviceTier: null, input: '1', cachedInput: undefined })
  const issues = priceSet.safeParse(input).error?.issues ?? []
  expect(issues.map(({ path }) => path.join('.'))).toEqual([
    'tiers.0.aboveInputTokens',
    'tiers.0.input',
    'tiers.0.output',
  ])
})
