import { apiKeys } from '@turnpike/db/schema'
import { expect, test } from 'vitest'
import { hashApiKey, parseApiKey } from '../../shared/api-key.ts'
import { type TrpcWorld, trpcWorld } from '../../testing/trpc-world.ts'
import type { IssuedKey } from './store.ts'

async function userAndGroup(world: TrpcWorld, exclusive = false) {
  const user = await world.addUser('user')
  const group = await world.services.groups.create({ name: 'g', exclusive })
  return { userId: user.id, groupId: group.id }
}

test('a key is shown whole once; stored are its public id, last four and a hash', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const { userId, groupId } = await userAndGroup(world)
  const created = await world.post('keys.create', { cookie, input: { userId, groupId, name: 'laptop' } })
  const { key, secret } = created.data as IssuedKey
  expect(parseApiKey(secret)).toEqual({ publicId: key.publicId })
  expect(key).toEqual({
    id: expect.any(Number),
    publicId: secret.slice(3, 13),
    last4: secret.slice(-4),
    name: 'laptop',
    userId,
    groupId,
    status: 'active',
    expiresAt: null,
    concurrency: 0,
    requestsPerMinute: null,
    tokensPerMinute: null,
    spendingLimits: { total: null, day: null, month: null },
    models: [],
    cidrs: [],
    lastUsedAt: null,
  })
  const [row] = await world.database.db.select().from(apiKeys)
  expect(row?.secretHash).toBe(hashApiKey(world.box.derive('key pepper'), secret))
  expect(JSON.stringify(row)).not.toContain(secret.slice(14))
  const list = await world.get('keys.list', { cookie })
  expect(list.data).toEqual({ items: [key], nextCursor: null })
  expect(list.text).not.toContain(secret.slice(14, 50))
})

test('a key is changed by what is named, revoked for good, and stays revoked', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const { userId, groupId } = await userAndGroup(world)
  const expiresAt = '2030-01-01T00:00:00.000Z'
  const input = {
    userId,
    groupId,
    name: 'k',
    expiresAt,
    spendingLimits: { total: '5' },
    cidrs: ['10.0.0.0/8', '2001:db8::1'],
    models: ['m'],
  }
  const { key } = (await world.post('keys.create', { cookie, input })).data as IssuedKey
  expect(key).toMatchObject({
    expiresAt,
    spendingLimits: { total: '5', day: null },
    cidrs: ['10.0.0.0/8', '2001:db8::1'],
  })
  const changed = await world.post('keys.update', {
    cookie,
    input: { id: key.id, expiresAt: null, concurrency: 2, spendingLimits: { day: '1' } },
  })
  expect(changed.data).toEqual({
    ...key,
    expiresAt: null,
    concurrency: 2,
    spendingLimits: { total: '5', day: '1', month: null },
  })
  expect((await world.post('keys.revoke', { cookie, input: { id: key.id } })).data).toMatchObject({ status: 'revoked' })
  expect(await world.post('keys.update', { cookie, input: { id: key.id, status: 'active' } })).toMatchObject({
    status: 409,
  })
})

test('a key needs a user and a group that are there, and an exclusive group needs the user in it', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const { userId, groupId } = await userAndGroup(world, true)
  const create = (input: object) =>
    world.post('keys.create', { cookie, input: { name: 'k', userId, groupId, ...input } })
  expect((await create({ userId: 404 })).error.data).toMatchObject({ reason: 'not_found', field: 'userId' })
  expect((await create({ groupId: 404 })).error.data).toMatchObject({ reason: 'not_found', field: 'groupId' })
  expect((await create({})).error.data).toMatchObject({ reason: 'conflict', field: 'groupId' })
  await world.services.users.update({ id: userId, groupIds: [groupId] }, 'owner')
  expect((await create({})).status).toBe(200)
  await world.services.groups.archive(groupId)
  expect((await create({})).error.data).toMatchObject({ reason: 'not_found', field: 'groupId' })
})

test('keys are found by user, group, state and what is seen of them', async () => {
  await using world = await trpcWorld()
  const { userId, groupId } = await userAndGroup(world)
  const { key } = await world.services.keys.create({ userId, groupId, name: 'laptop' })
  const { key: other } = await world.services.keys.create({ userId, groupId, name: 'ci' })
  await world.services.keys.revoke(other.id)
  const find = async (filter: object) =>
    (await world.services.keys.list({ limit: 10, ...filter })).items.map(({ id }) => id)
  expect(await find({ userId, groupId })).toEqual([key.id, other.id])
  expect(await find({ userId: 404 })).toEqual([])
  expect(await find({ status: 'revoked' })).toEqual([other.id])
  expect(await find({ query: 'LAP' })).toEqual([key.id])
  expect(await find({ query: key.publicId })).toEqual([key.id])
  expect(await find({ query: other.last4 })).toContain(other.id)
})

test.each([
  [{ cidrs: ['10.0.0.0/33'] }, 'cidrs.0'],
  [{ cidrs: ['example.com'] }, 'cidrs.0'],
  [{ expiresAt: 'tomorrow' }, 'expiresAt'],
  [{ expiresAt: '2030-01-01T00:00:00' }, 'expiresAt'],
  [{ concurrency: -1 }, 'concurrency'],
  [{ status: 'revoked' }, 'status'],
])('a key with %j is refused at %s', async (input, field) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const { userId, groupId } = await userAndGroup(world)
  const { key } = await world.services.keys.create({ userId, groupId, name: 'k' })
  expect(await world.post('keys.update', { cookie, input: { id: key.id, ...input } })).toMatchObject({
    status: 400,
    error: { data: { reason: 'invalid_input', field } },
  })
})

test('a rotated key hands its settings and what it has spent to the new one, and stays valid for the overlap', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('admin')
  const group = await world.services.groups.create({ name: 'g' })
  const { data: made } = await world.post('keys.create', {
    cookie,
    input: {
      userId: user.id,
      groupId: group.id,
      name: 'old',
      concurrency: 3,
      spendingLimits: { total: '5' },
      cidrs: ['10.0.0.0/8'],
    },
  })
  const { key: old, secret } = Object(made)
  await world.database.sql`insert into key_spending (key_id, total_nano) values (${old.id}, 7)`
  const { data } = await world.post('keys.rotate', { cookie, input: { id: old.id, overlapSeconds: 60 } })
  const { key, secret: replacement } = Object(data)
  expect(replacement).not.toBe(secret)
  expect(key).toMatchObject({
    name: 'old',
    concurrency: 3,
    spendingLimits: { total: '5' },
    cidrs: ['10.0.0.0/8'],
    status: 'active',
  })
  const ending = Object((await world.get('keys.get', { cookie, input: { id: old.id } })).data)
  expect(ending.status).toBe('active')
  expect(Math.abs(Date.parse(ending.expiresAt) - world.clock.now() - 60_000)).toBeLessThan(5_000)
  expect(await world.database.sql`select total_nano::int as total from key_spending where key_id = ${key.id}`).toEqual([
    { total: 7 },
  ])
  expect(await world.post('keys.rotate', { cookie, input: { id: old.id } })).toMatchObject({ status: 409 })
  const { data: again } = await world.post('keys.rotate', { cookie, input: { id: key.id, overlapSeconds: 0 } })
  expect(Object(again).key.status).toBe('active')
  expect((await world.get('keys.get', { cookie, input: { id: key.id } })).data).toMatchObject({ status: 'revoked' })
})
