import { expect, test } from 'vitest'
import { PASSWORD, trpcWorld } from '../../testing/trpc-world.ts'

test('a new user has the defaults of the contract, a folded address, and an invitation', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const { data } = await world.post('users.create', { cookie, input: { email: '  Ann@Turnpike.TEST ' } })
  expect(data).toEqual({
    id: expect.any(Number),
    email: 'ann@turnpike.test',
    name: '',
    role: 'user',
    status: 'active',
    concurrency: 5,
    balance: '0',
    balanceNano: '0',
    reserved: '0',
    reservedNano: '0',
    groupIds: [],
    notes: '',
    createdAt: expect.stringMatching(/Z$/),
    invite: { url: expect.stringContaining('/invite#'), expiresAt: expect.any(String), mailed: false },
  })
})

test('two spellings of one address are one user', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  await world.post('users.create', { cookie, input: { email: 'ann@turnpike.test' } })
  const again = await world.post('users.create', { cookie, input: { email: 'ANN@turnpike.test' } })
  expect(again).toMatchObject({ status: 409, error: { data: { reason: 'conflict', field: 'email' } } })
})

test('what an update does not name stays, and the whole user comes back', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const group = await world.services.groups.create({ name: 'team' })
  const input = { email: 'ann@turnpike.test', name: 'Ann', notes: 'n', groupIds: [group.id], password: PASSWORD }
  const { id } = (await world.post('users.create', { cookie, input })).data as { id: number }
  const changed = await world.post('users.update', { cookie, input: { id, concurrency: 0 } })
  expect(changed.data).toMatchObject({ id, name: 'Ann', notes: 'n', groupIds: [group.id], concurrency: 0 })
  const emptied = await world.post('users.update', { cookie, input: { id, groupIds: [] } })
  expect(emptied.data).toMatchObject({ groupIds: [] })
  expect((await world.post('users.update', { cookie, input: { id } })).data).toEqual(emptied.data)
})

test('an unknown group is named as the fault, and nothing is half done', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const answer = await world.post('users.create', { cookie, input: { email: 'ann@turnpike.test', groupIds: [404] } })
  expect(answer).toMatchObject({ status: 404, error: { data: { reason: 'not_found', field: 'groupIds' } } })
  expect((await world.services.users.list({ limit: 10, query: 'ann' })).items).toEqual([])
})

test('an admin neither makes owners nor touches one', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const { user: owner } = await world.signIn('owner')
  const attempts = [
    world.post('users.create', { cookie, input: { email: 'x@turnpike.test', role: 'owner' } }),
    world.post('users.update', { cookie, input: { id: owner.id, name: 'Mine' } }),
    world.post('users.archive', { cookie, input: { id: owner.id } }),
    world.post('users.update', { cookie, input: { id: (await world.addUser('viewer')).id, role: 'owner' } }),
  ]
  for (const answer of await Promise.all(attempts))
    expect(answer).toMatchObject({ status: 403, error: { data: { reason: 'forbidden' } } })
})

test('the last active owner cannot be demoted, disabled or archived, not even by two at once', async () => {
  await using world = await trpcWorld()
  const { user: first, cookie } = await world.signIn('owner')
  expect(await world.post('users.update', { cookie, input: { id: first.id, role: 'admin' } })).toMatchObject({
    status: 409,
  })
  expect(await world.post('users.update', { cookie, input: { id: first.id, status: 'disabled' } })).toMatchObject({
    status: 409,
  })
  expect(await world.post('users.archive', { cookie, input: { id: first.id } })).toMatchObject({ status: 409 })
  const second = await world.addUser('owner', 'second@turnpike.test')
  await Promise.allSettled([
    world.services.users.archive(first.id, 'owner'),
    world.services.users.archive(second.id, 'owner'),
  ])
  const owners = await world.database.sql`select id from users where role = 'owner' and status = 'active'`
  expect(owners.length).toBeGreaterThanOrEqual(1)
})

test('archived users are listed only when asked for', async () => {
  await using world = await trpcWorld()
  const user = await world.addUser('user')
  await world.services.users.archive(user.id, 'owner')
  expect((await world.services.users.list({ limit: 10 })).items).toEqual([])
  expect((await world.services.users.list({ limit: 10, status: 'archived' })).items).toMatchObject([{ id: user.id }])
})

test('a list is paged without gap or double, and a page says whether there is another', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  for (let at = 0; at < 7; at++) await world.addUser('user', `u${at}@turnpike.test`)
  const seen: number[] = []
  let cursor: string | null = null
  do {
    const page = (await world.get('users.list', { cookie, input: { limit: 3, cursor, role: 'user' } })).data as {
      items: { id: number }[]
      nextCursor: string | null
    }
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== null)
  expect(seen).toHaveLength(7)
  expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b))
})

test('a search finds what was typed, wildcards and all', async () => {
  await using world = await trpcWorld()
  for (const email of ['a_b@turnpike.test', 'axb@turnpike.test']) await world.addUser('user', email)
  expect((await world.services.users.list({ limit: 10, query: 'A_B' })).items.map(({ email }) => email)).toEqual([
    'a_b@turnpike.test',
  ])
  expect((await world.services.users.list({ limit: 10, query: '%' })).items).toEqual([])
})

test.each([
  [{ limit: 0 }, 'limit_out_of_range', 'limit'],
  [{ limit: 501 }, 'limit_out_of_range', 'limit'],
  [{ limit: 1.5 }, 'invalid_input', 'limit'],
  [{ limit: '5' }, 'invalid_input', 'limit'],
  [{ cursor: "1' or '1'='1" }, 'invalid_input', 'cursor'],
  [{ cursor: '99999999999999999999' }, 'invalid_input', 'cursor'],
  [{ role: 'root' }, 'invalid_input', 'role'],
  [{ query: 'a\u0000b' }, 'invalid_input', 'query'],
  [{ colour: 'red' }, 'unknown_field', 'colour'],
  [{ '<script>': 1 }, 'unknown_field', null],
])('a list with %j is refused as %s at %s', async (input, reason, field) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  expect(await world.get('users.list', { cookie, input })).toMatchObject({
    status: 400,
    error: { data: { reason, field } },
  })
})

test('the limit holds at its ends, and no input is the same as an empty one', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  for (const input of [{ limit: 1 }, { limit: 500 }, {}, undefined]) {
    expect((await world.get('users.list', { cookie, input })).status).toBe(200)
  }
})
