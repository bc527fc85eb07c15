import { expect, test } from 'vitest'
import { trpcWorld } from '../../testing/trpc-world.ts'

type World = Awaited<ReturnType<typeof trpcWorld>>
const DAY_MS = 86_400_000

async function ready(world: World) {
  const { user, cookie } = await world.signIn('admin')
  const input = {
    name: 'pro',
    billing: 'subscription',
    validityDays: 30,
    limits: { day: '5', week: null, month: '50' },
  }
  const { data } = await world.post('groups.create', { cookie, input })
  return { cookie, userId: user.id, groupId: Number(Object(data).id) }
}

test('a subscription runs for the days of its group, or those that are told, one at a time', async () => {
  await using world = await trpcWorld()
  const { cookie, userId, groupId } = await ready(world)
  const assign = (more: object = {}) =>
    world.post('subscriptions.assign', { cookie, input: { userId, groupId, ...more } })
  const first = Object((await assign()).data)
  expect(first).toMatchObject({ status: 'active', userId, groupId })
  expect(Date.parse(first.expiresAt) - Date.parse(first.startsAt)).toBe(30 * DAY_MS)
  expect(await assign()).toMatchObject({ status: 409, error: { data: { field: 'groupId' } } })
  world.clock.advance(30 * DAY_MS)
  const list = (status: string) => world.get('subscriptions.list', { cookie: admin.cookie, input: { userId, status } })
  const admin = { cookie: await world.cookieOf(userId) }
  expect(Object((await list('expired')).data).items).toMatchObject([{ id: first.id, status: 'expired' }])
  const again = await world.post('subscriptions.assign', { cookie: admin.cookie, input: { userId, groupId, days: 7 } })
  expect(Date.parse(Object(again.data).expiresAt) - Date.parse(Object(again.data).startsAt)).toBe(7 * DAY_MS)
})

test('only groups billed by subscription have subscriptions', async () => {
  await using world = await trpcWorld()
  const { cookie, userId } = await ready(world)
  const other = await world.services.groups.create({ name: 'free' })
  const answer = await world.post('subscriptions.assign', { cookie, input: { userId, groupId: other.id, days: 1 } })
  expect(answer).toMatchObject({ status: 409, error: { data: { field: 'groupId' } } })
})

test('days are added to its end; a revoked one stays so', async () => {
  await using world = await trpcWorld()
  const { cookie, userId, groupId } = await ready(world)
  const { data } = await world.post('subscriptions.assign', { cookie, input: { userId, groupId } })
  const { id, expiresAt } = Object(data)
  const longer = Object((await world.post('subscriptions.extend', { cookie, input: { id, days: 10 } })).data)
  expect(Date.parse(longer.expiresAt) - Date.parse(expiresAt)).toBe(10 * DAY_MS)
  expect((await world.post('subscriptions.revoke', { cookie, input: { id } })).data).toMatchObject({
    status: 'revoked',
  })
  expect(await world.post('subscriptions.extend', { cookie, input: { id, days: 1 } })).toMatchObject({ status: 409 })
})

test('its windows tell what is spent and left, and start anew when they are over', async () => {
  await using world = await trpcWorld()
  const { cookie, userId, groupId } = await ready(world)
  const { data } = await world.post('subscriptions.assign', { cookie, input: { userId, groupId } })
  const { id } = Object(data)
  const today = new Date(Math.floor(world.clock.now() / DAY_MS) * DAY_MS)
  const before = new Date(today.getTime() - DAY_MS)
  await world.database.sql`update subscriptions set day_started_at = ${before}, day_spent_nano = 4000000000,
    month_started_at = ${today}, month_spent_nano = 60000000000 where id = ${id}`
  expect((await world.get('subscriptions.progress', { cookie, input: { id } })).data).toMatchObject({
    day: { spent: '0', limit: '5', remaining: '5', startedAt: null, resetsAt: null },
    week: { spent: '0', limit: null, remaining: null },
    month: {
      spent: '60',
      limit: '50',
      remaining: '0',
      startedAt: today.toISOString(),
      resetsAt: new Date(today.getTime() + 30 * DAY_MS).toISOString(),
    },
  })
})
