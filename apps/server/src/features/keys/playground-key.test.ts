import { expect, test } from 'vitest'
import { trpcWorld } from '../../testing/trpc-world.ts'

const HOUR_MS = 3_600_000

test('a key for the playground is its user’s own, ends in an hour, and is written down', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('user')
  const group = await world.services.groups.create({ name: 'g' })
  const startedAt = world.clock.now()
  const answer = await world.post('my.playgroundKey', { cookie, input: { groupId: group.id } })
  const { key, secret } = Object(answer.data)
  expect(key).toMatchObject({ name: 'Playground', userId: user.id, groupId: group.id, status: 'active' })
  expect(secret).toMatch(/^tp-/)
  expect(Date.parse(key.expiresAt) - startedAt - HOUR_MS).toBeLessThan(5_000)
  expect(Object((await world.get('my.keys.list', { cookie })).data).items).toEqual([key])
  expect((await world.post('my.keys.revoke', { cookie, input: { id: key.id } })).data).toMatchObject({
    status: 'revoked',
  })
  const admin = await world.addUser('admin', 'audit@turnpike.test')
  const log = await world.get('audit.list', {
    cookie: await world.cookieOf(admin.id),
    input: { action: 'my.playgroundKey' },
  })
  expect(Object(log.data).items).toMatchObject([
    { target: { type: 'key', id: String(key.id) }, actor: { id: user.id, kind: 'user' } },
  ])
  expect(JSON.stringify(log.data)).not.toContain(secret)
})

test('it is listed for its hour and not after it; one that was renamed stays', async () => {
  await using world = await trpcWorld()
  const { user } = await world.signIn('user')
  const { groups, keys } = world.services
  const group = await groups.create({ name: 'g' })
  const actor = { kind: 'user' as const, id: user.id, name: 'u', ip: null, requestId: null }
  const { key } = await keys.mintForPlayground(user.id, group.id, actor)
  const kept = await keys.mintForPlayground(user.id, group.id, actor)
  await keys.update({ id: kept.key.id, name: 'Mine' })
  const named = await keys.create({ userId: user.id, groupId: group.id, name: 'Playground' })
  const ids = async () => (await keys.list({ userId: user.id, limit: 10 })).items.map(({ id }) => id)
  expect(await ids()).toEqual([key.id, kept.key.id, named.key.id])
  world.clock.advance(HOUR_MS)
  expect(await ids()).toEqual([kept.key.id, named.key.id])
  expect(await keys.get(key.id)).toMatchObject({ status: 'active' })
  await keys.mintForPlayground(user.id, group.id, actor)
  expect(await keys.get(key.id)).toMatchObject({ status: 'revoked' })
  expect(await keys.get(named.key.id)).toMatchObject({ status: 'active' })
})

test('only a group its user may use gets one', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('user')
  const closed = await world.services.groups.create({ name: 'closed', exclusive: true })
  expect(await world.post('my.playgroundKey', { cookie, input: { groupId: closed.id } })).toMatchObject({
    status: 404,
    error: { data: { field: 'groupId' } },
  })
})
