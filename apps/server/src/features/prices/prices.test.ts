import { expect, test } from 'vitest'
import { trpcWorld } from '../../testing/trpc-world.ts'

const PRICE = { model: 'own-model', input: '2', output: '8' }

test('a price holds from its moment on; what it leaves out is as its input', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const from = new Date(world.clock.now() + 3_600_000).toISOString()
  const { data } = await world.post('prices.set', { cookie, input: { ...PRICE, validFrom: from } })
  expect(data).toMatchObject({ ...PRICE, cachedInput: '2', cacheWrite: '2', provider: null, validFrom: from })
  const quote = async (at?: string) =>
    (
      await world.get('prices.quote', {
        cookie,
        input: { model: 'own-model', inputTokens: 1_000_000, outputTokens: 500_000, at },
      })
    ).data
  expect(await quote()).toMatchObject({ source: null, cost: null, billed: null })
  expect(await quote(from)).toMatchObject({ source: 'override', cost: '6', costNano: '6000000000', billed: '6' })
})

test('a quote knows the group’s multiplier, the tier of the service and of the size', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const group = await world.services.groups.create({ name: 'half', rateMultiplier: 5_000 })
  await world.post('prices.set', { cookie, input: PRICE })
  const flex = {
    ...PRICE,
    serviceTier: 'flex',
    input: '1',
    tiers: [{ aboveInputTokens: 200_000, input: '3', output: '9' }],
  }
  expect((await world.post('prices.set', { cookie, input: flex })).status).toBe(200)
  const quote = async (more: object) =>
    (await world.get('prices.quote', { cookie, input: { model: 'own-model', inputTokens: 100_000, ...more } })).data
  expect(await quote({ groupId: group.id })).toMatchObject({ cost: '0.2', billed: '0.1' })
  expect(await quote({ serviceTier: 'flex' })).toMatchObject({ cost: '0.1' })
  expect(await quote({ serviceTier: 'flex', inputTokens: 300_000 })).toMatchObject({ cost: '0.9' })
})

test('what was set is not rewritten but removed, and both are told to the audit log', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const validFrom = new Date(world.clock.now()).toISOString()
  const { data } = await world.post('prices.set', { cookie, input: { ...PRICE, validFrom } })
  expect(await world.post('prices.set', { cookie, input: { ...PRICE, validFrom } })).toMatchObject({ status: 409 })
  expect((await world.post('prices.remove', { cookie, input: { id: Object(data).id } })).status).toBe(200)
  expect((await world.get('prices.list', { cookie })).data).toMatchObject({ items: [] })
  const log = Object((await world.get('audit.list', { cookie, input: { targetType: 'price' } })).data).items
  expect(log).toMatchObject([{ action: 'prices.remove' }, { action: 'prices.set' }])
})
