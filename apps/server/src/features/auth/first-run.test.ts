import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { type TrpcWorld, trpcWorld } from '../../testing/trpc-world.ts'

const OWNER = { email: 'First@Example.org', password: 'a long password' }

async function tokenOf(world: TrpcWorld): Promise<string> {
  await world.database
    .sql`insert into settings (key, value) values ('secretKey.check', '"mark"') on conflict do nothing`
  return (await world.services.firstRun.token()) ?? ''
}

test('who has the token becomes the owner, is signed in, and it is told to the audit log', async () => {
  await using world = await trpcWorld()
  expect((await world.get('auth.firstRun')).data).toEqual({ isNeeded: true })
  const token = await tokenOf(world)
  const answer = await world.post('auth.setup', { input: { ...OWNER, token: ` ${token} ` } })
  expect(answer.data).toMatchObject({ user: { email: 'first@example.org', role: 'owner', status: 'active' } })
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  expect((await world.get('auth.me', { cookie })).data).toMatchObject({ user: { role: 'owner' } })
  expect(Object((await world.get('audit.list', { cookie })).data).items).toMatchObject([{ action: 'auth.setup' }])
  expect((await world.get('auth.firstRun')).data).toEqual({ isNeeded: false })
})

test('the token is good once, and never beside an owner', async () => {
  await using world = await trpcWorld()
  const token = await tokenOf(world)
  await world.addUser('owner')
  expect(await world.services.firstRun.token()).toBeNull()
  expect(await world.post('auth.setup', { input: { ...OWNER, token } })).toMatchObject({
    status: 409,
    error: { data: { reason: 'conflict' } },
  })
})

test('of two who come at once with the token, one becomes the owner', async () => {
  await using world = await trpcWorld()
  const token = await tokenOf(world)
  const answers = await Promise.all(
    ['a@example.org', 'b@example.org'].map((email) => world.post('auth.setup', { input: { ...OWNER, email, token } })),
  )
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409])
  const [row] = await world.database.db.execute<{ owners: number }>(
    sql`select count(*)::int as owners from users where role = 'owner'`,
  )
  expect(row?.owners).toBe(1)
})

test('a wrong token is refused at its field, and guessing is bounded', async () => {
  await using world = await trpcWorld()
  await tokenOf(world)
  const guess = () => world.post('auth.setup', { input: { ...OWNER, token: 'x'.repeat(43) } })
  expect(await guess()).toMatchObject({
    status: 401,
    error: { data: { reason: 'invalid_credentials', field: 'token' } },
  })
  let last = await guess()
  for (let tries = 0; tries < 50 && last.status === 401; tries += 1) last = await guess()
  expect(last.error.data.reason).toBe('too_many_attempts')
  expect((await world.get('auth.firstRun')).data).toEqual({ isNeeded: true })
})

test('another database has another token, the same database the same one', async () => {
  await using world = await trpcWorld()
  const token = await tokenOf(world)
  expect(await tokenOf(world)).toBe(token)
  await world.database.sql`update settings set value = '"another"' where key = 'secretKey.check'`
  expect(await tokenOf(world)).not.toBe(token)
})
