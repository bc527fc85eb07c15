import { expect, test } from 'vitest'
import { trpcWorld } from '../../testing/trpc-world.ts'

type World = Awaited<ReturnType<typeof trpcWorld>>

async function ready(world: World) {
  const { cookie: admin } = await world.signIn('admin')
  const { user, cookie } = await world.signIn('user')
  const generate = async (input: object): Promise<{ codes: string[]; items: { id: number }[] }> =>
    Object((await world.post('redeem.generate', { cookie: admin, input })).data)
  const redeem = (code: string | undefined) => world.post('my.redeem', { cookie, input: { code } })
  const balance = async () => (await world.services.users.get(user.id)).balance
  return { admin, user, cookie, generate, redeem, balance }
}

test('a code adds its amount to the balance of whoever is first, once, however many try at a time', async () => {
  await using world = await trpcWorld()
  const { generate, redeem, balance, admin } = await ready(world)
  const { codes, items } = await generate({ kind: 'balance', amount: '12.5', count: 2, notes: 'welcome' })
  expect(codes[0]).toMatch(/^tpr-[a-z2-7]{32}$/)
  const answers = await Promise.all([redeem(codes[0]), redeem(codes[0]), redeem(codes[0]?.toUpperCase())])
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 404, 404])
  expect(await balance()).toBe('12.5')
  expect(await world.database.sql`select kind, reason, amount_nano::text as amount from balance_changes`).toEqual([
    { kind: 'redeem', reason: 'welcome', amount: '12500000000' },
  ])
  const { data } = await world.get('redeem.list', { cookie: admin, input: { status: 'open' } })
  expect(Object(data).items).toMatchObject([{ id: items[1]?.id, status: 'open', amount: '12.5' }])
})

test('a code gives days of a subscription, and a second one adds to them', async () => {
  await using world = await trpcWorld()
  const { generate, redeem, admin, user } = await ready(world)
  const group = await world.services.groups.create({ name: 'pro', billing: 'subscription' })
  const { codes } = await generate({ kind: 'subscription', groupId: group.id, days: 30, count: 2 })
  for (const code of codes) expect((await redeem(code)).data).toMatchObject({ kind: 'subscription', days: 30 })
  const { data } = await world.get('subscriptions.list', { cookie: admin, input: { userId: user.id } })
  const [subscription, ...others] = Object(data).items
  expect(others).toEqual([])
  expect(Date.parse(subscription.expiresAt) - Date.parse(subscription.startsAt)).toBe(60 * 86_400_000)
})

test('unknown, used and expired codes are told alike, and guessing is bounded', async () => {
  await using world = await trpcWorld()
  const { generate, redeem, balance, admin } = await ready(world)
  const { codes, items } = await generate({ kind: 'balance', amount: '1' })
  await world.post('redeem.expire', { cookie: admin, input: { ids: items.map(({ id }) => id) } })
  const answers = [await redeem(codes[0]), await redeem('nonsense'), await redeem(`tpr-${'a'.repeat(32)}`)]
  expect(new Set(answers.map(({ status, error }) => `${status} ${error?.message}`)).size).toBe(1)
  await redeem('x')
  await redeem('x')
  expect(await redeem('x')).toMatchObject({ status: 429, error: { data: { reason: 'too_many_attempts' } } })
  expect(await balance()).toBe('0')
})

test('no table holds a code', async () => {
  await using world = await trpcWorld()
  const { generate } = await ready(world)
  const { codes } = await generate({ kind: 'balance', amount: '1' })
  const rows = await world.database.sql`select * from redeem_codes union all select * from redeem_codes`
  const log = await world.database.sql`select * from audit_log`
  expect(JSON.stringify([rows, log])).not.toContain(codes[0])
})
