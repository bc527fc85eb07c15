import { NO_USAGE, type Outcome } from '@turnpike/core/gateway/outcome'
import { insertOutcomes } from '@turnpike/db'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import { type TrpcWorld, trpcWorld } from '../../testing/trpc-world.ts'
import type { PreviewedPrice } from './price-preview.ts'

const DAY_MS = 86_400_000
const USAGE = {
  ...NO_USAGE,
  inputTokens: 1_000,
  cachedInputTokens: 400,
  cacheWriteTokens: 100,
  outputTokens: 10,
  reasoningTokens: 0,
}

async function account(world: TrpcWorld): Promise<number> {
  const cookie = await world.cookieOf((await world.addUser('admin', 'accounts@turnpike.test')).id)
  const input = {
    name: 'a',
    provider: 'openai-compatible',
    baseUrl: 'https://upstream.test',
    secret: 'x',
    models: ['m'],
  }
  return Object((await world.post('accounts.create', { cookie, input })).data).id
}

async function book(world: TrpcWorld, ...changes: Partial<Outcome>[]) {
  const outcomes = changes.map((change) =>
    makeOutcome({ upstreamModel: 'own-1', usage: USAGE, costNano: 100, billedNano: 200, ...change }),
  )
  await insertOutcomes(
    world.database.sql,
    outcomes.map((outcome) => JSON.stringify(outcome)),
  )
}

async function preview(world: TrpcWorld, cookie: string, input: object): Promise<PreviewedPrice> {
  return (await world.get('prices.preview', { cookie, input })).data
}

test('a price is laid over the last days as the gateway prices: cached and written input, multiplier, each rounded once', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const accountId = await account(world)
  await book(
    world,
    { accountId, multiplierE4: 15_000 },
    { accountId, multiplierE4: 10_000, costNano: null, billedNano: 0, priceRule: 'usage' },
    { accountId, multiplierE4: 10_000, billedNano: 0, priceRule: 'nothing' },
    { accountId, createdAtMs: Date.now() - 8 * DAY_MS },
    { accountId, upstreamModel: 'other' },
  )
  const rates = { input: '2', cachedInput: '0.5', cacheWrite: '2.5', output: '8.000000001' }
  const answer = await preview(world, cookie, { model: 'own-1', ...rates })
  // 500 × 2 + 400 × 0.5 + 100 × 2.5 + 10 × 8.000000001 per million = 1,530,000.00001 nano-dollars.
  expect(answer).toMatchObject({
    requests: 3,
    unpriced: 1,
    costNano: '200',
    billedNano: '200',
    costAfterNano: '4590000',
    billedAfterNano: String(2_295_000 + 1_530_000),
    models: [{ model: 'own-1', requests: 3 }],
  })
  expect(Date.parse(answer.to) - Date.parse(answer.from)).toBe(7 * DAY_MS)
})

test('half a nano-dollar is rounded up, and every request by itself', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const accountId = await account(world)
  const one = { ...USAGE, inputTokens: 500_000, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0 }
  await book(world, { accountId, usage: one }, { accountId, usage: one })
  const answer = await preview(world, cookie, { model: 'own-1', input: '0.000000001', output: '0' })
  expect(answer.costAfterNano).toBe('2')
})

test('a request with more input than a tier names is priced by it as a whole', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const accountId = await account(world)
  const plain = { ...USAGE, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0 }
  await book(
    world,
    { accountId, usage: { ...plain, inputTokens: 1_000 } },
    { accountId, usage: { ...plain, inputTokens: 1_001 } },
  )
  const tiers = [{ aboveInputTokens: 1_000, input: '3', output: '3' }]
  const answer = await preview(world, cookie, { model: 'own-*', input: '1', output: '1', tiers })
  expect(answer.costAfterNano).toBe(String(1_000_000 + 3_003_000))
})

test('what a more precise price keeps, or is of another provider or tier, is not counted', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const accountId = await account(world)
  await book(
    world,
    { accountId, upstreamModel: 'own-1' },
    { accountId, upstreamModel: 'own-2' },
    { accountId, upstreamModel: 'own-2', serviceTier: 'flex' },
  )
  await world.post('prices.set', { cookie, input: { model: 'own-1', input: '9', output: '9' } })
  const draft = { model: 'own-*', input: '1', output: '1' }
  expect((await preview(world, cookie, draft)).models).toMatchObject([{ model: 'own-2', requests: 2 }])
  expect(await preview(world, cookie, { ...draft, serviceTier: 'flex' })).toMatchObject({ requests: 1 })
  expect(await preview(world, cookie, { ...draft, provider: 'openai' })).toMatchObject({
    requests: 0,
    cost: '0',
    costAfter: '0',
    models: [],
  })
})
