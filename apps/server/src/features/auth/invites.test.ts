import { expect, test } from 'vitest'
import { trpcWorld } from '../../testing/trpc-world.ts'

type World = Awaited<ReturnType<typeof trpcWorld>>

const PASSWORD = 'a password of his own'

async function invite(world: World): Promise<{ id: number; token: string; cookie: string }> {
  const { cookie } = await world.signIn('admin')
  const { data } = await world.post('users.create', { cookie, input: { email: 'new@turnpike.test' } })
  const { id, invite: sent } = Object(data)
  const [url, token] = String(sent.url).split('#')
  expect(url).toBe('http://panel.test/invite')
  return { id, token: token ?? '', cookie }
}

const accept = (world: World, token: string) =>
  world.post('auth.acceptInvite', { input: { token, password: PASSWORD } })

test('who is made without a password sets it by a link that works once, and is signed in', async () => {
  await using world = await trpcWorld()
  const { id, token } = await invite(world)
  expect((await accept(world, token)).data).toMatchObject({ user: { id } })
  expect((await world.post('auth.login', { input: { email: 'new@turnpike.test', password: PASSWORD } })).status).toBe(
    200,
  )
  expect(await accept(world, token)).toMatchObject({ status: 401, error: { data: { reason: 'invalid_credentials' } } })
})

test('a link that is unknown, too old, or replaced by a newer one is answered like a used one', async () => {
  await using world = await trpcWorld()
  const { id, token, cookie } = await invite(world)
  const { data } = await world.post('users.resetPassword', { cookie, input: { id } })
  const second = String(Object(data).invite.url).split('#')[1] ?? ''
  const replaced = await accept(world, token)
  world.clock.advance(24 * 3_600_000 + 1)
  const answers = [replaced, await accept(world, second), await accept(world, 'x'.repeat(43)), await accept(world, '')]
  for (const answer of answers)
    expect(answer).toMatchObject({
      status: 401,
      error: replaced.error?.message ? { message: replaced.error.message } : {},
    })
})

test('resetting a password ends the sessions and the old password; nobody below an owner does it to one', async () => {
  await using world = await trpcWorld()
  const owner = await world.signIn('owner')
  const viewer = await world.signIn('viewer')
  const admin = await world.signIn('admin')
  expect(
    (await world.post('users.resetPassword', { cookie: admin.cookie, input: { id: viewer.user.id } })).status,
  ).toBe(200)
  expect((await world.get('auth.me', { cookie: viewer.cookie })).status).toBe(401)
  expect((await world.post('users.resetPassword', { cookie: admin.cookie, input: { id: owner.user.id } })).status).toBe(
    403,
  )
})

test('a balance changes with a reason, by what is told, below nothing too; each change has its row and its entry', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('admin')
  const adjust = (amount: string, reason = 'because') =>
    world.post('users.adjustBalance', { cookie, input: { id: user.id, amount, reason } })
  expect((await adjust('12.5')).data).toMatchObject({ balance: '12.5' })
  expect((await adjust('-20.000000001')).data).toMatchObject({ balance: '-7.500000001' })
  for (const [amount, reason] of [
    ['0', 'x'],
    ['1e3', 'x'],
    ['1', ''],
  ]) {
    expect(await adjust(amount ?? '', reason)).toMatchObject({ status: 400 })
  }
  const rows = await world.database.sql`select amount_nano::text as amount, reason from balance_changes order by id`
  expect(rows).toEqual([
    { amount: '12500000000', reason: 'because' },
    { amount: '-20000000001', reason: 'because' },
  ])
  const { data } = await world.get('audit.list', { cookie, input: { action: 'users.adjustBalance' } })
  expect(Object(data).items).toHaveLength(2)
})
