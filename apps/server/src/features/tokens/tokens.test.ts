import { once } from 'node:events'
import { expect, test } from 'vitest'
import { trpcWorld } from '../../testing/trpc-world.ts'

type World = Awaited<ReturnType<typeof trpcWorld>>

const DAY_MS = 86_400_000

async function issue(world: World, scopes: string[], more: object = {}) {
  const { user, cookie } = await world.signIn('admin')
  const { data } = await world.post('tokens.create', { cookie, input: { name: 'robot', scopes, ...more } })
  const { token, item } = Object(data)
  const headers = { authorization: `Bearer ${token}` }
  return { user, cookie, token: String(token), item, headers }
}

test('a program may do what its token names, and nothing else of what its creator may', async () => {
  await using world = await trpcWorld()
  const { headers, token, item } = await issue(world, ['users:read', 'groups:write'])
  expect(token).toMatch(/^tps_[A-Za-z0-9_-]{43}$/)
  expect(item).toMatchObject({ last4: token.slice(-4), scopes: ['users:read', 'groups:write'] })
  expect((await world.get('users.list', { headers })).status).toBe(200)
  expect((await world.post('groups.create', { headers, input: { name: 'x' } })).status).toBe(200)
  expect(await world.get('keys.list', { headers })).toMatchObject({ status: 403 })
  expect(await world.get('auth.me', { headers })).toMatchObject({ status: 403 })
})

test('what it does is told in its name', async () => {
  await using world = await trpcWorld()
  const { headers, cookie, item } = await issue(world, ['groups:write'])
  await world.post('groups.create', { headers, input: { name: 'x' } })
  const log = Object((await world.get('audit.list', { cookie, input: { action: 'groups.create' } })).data).items
  expect(log).toMatchObject([{ actor: { kind: 'token', id: item.id, name: 'robot' } }])
})

test('it ends when it is revoked, too old, or its creator may no longer; unknown ones are answered alike', async () => {
  await using world = await trpcWorld()
  const { headers, cookie, item, user } = await issue(world, ['users:read'])
  await world.database.sql`update users set role = 'user' where id = ${user.id}`
  expect(await world.get('users.list', { headers })).toMatchObject({ status: 403 })
  await world.database.sql`update users set role = 'admin' where id = ${user.id}`
  expect((await world.get('users.list', { headers })).status).toBe(200)
  expect((await world.post('tokens.revoke', { cookie, input: { id: item.id } })).status).toBe(200)
  const revoked = await world.get('users.list', { headers })
  expect(revoked).toMatchObject({ status: 401, error: { data: { reason: 'unauthenticated' } } })
  const unknown = await world.get('users.list', { headers: { authorization: `Bearer tps_${'x'.repeat(43)}` } })
  expect(unknown.error?.message).toBe(revoked.error?.message)
  // Whoever presents one does not fall back on a cookie.
  expect(await world.get('users.list', { headers, cookie })).toMatchObject({ status: 401 })
})

test('it lasts a year at most, and as long as told', async () => {
  await using world = await trpcWorld()
  const { cookie, headers } = await issue(world, ['users:read'])
  const make = (days: number) => {
    const expiresAt = new Date(world.clock.now() + days * DAY_MS).toISOString()
    return world.post('tokens.create', { cookie, input: { name: 'x', scopes: ['users:read'], expiresAt } })
  }
  expect((await make(364.9)).status).toBe(200)
  expect(await make(365.1)).toMatchObject({ status: 400 })
  world.clock.advance(91 * DAY_MS)
  expect(await world.get('users.list', { headers })).toMatchObject({ status: 401 })
})

test.each([
  [['owners:write'], 403],
  [['self'], 400],
  [['nonsense'], 400],
  [[], 400],
])('a token for %j is not made by an administrator', async (scopes, status) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  expect(await world.post('tokens.create', { cookie, input: { name: 'x', scopes } })).toMatchObject({ status })
})

test('a program makes no tokens: they would outlive its own', async () => {
  await using world = await trpcWorld()
  const { headers } = await issue(world, ['tokens:write', 'users:read'])
  expect((await world.get('tokens.list', { headers })).status).toBe(200)
  const input = { name: 'x', scopes: ['users:read'] }
  expect(await world.post('tokens.create', { headers, input })).toMatchObject({ status: 403 })
})

test('no table holds a token', async () => {
  await using world = await trpcWorld()
  const { token } = await issue(world, ['users:read'])
  const rows = await world.database.sql`select to_jsonb(t) as row from service_tokens t`
  const log = await world.database.sql`select to_jsonb(a) as row from audit_log a`
  expect(JSON.stringify([rows, log])).not.toContain(token)
})

test('a token in an address opens nothing', async () => {
  await using world = await trpcWorld()
  const { token } = await issue(world, ['ops:read'])
  const socket = world.socket(`/trpc?token=${token}`)
  const [code] = await once(socket, 'close')
  expect(code).toBe(4401)
})
