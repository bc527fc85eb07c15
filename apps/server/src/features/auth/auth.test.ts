import { users } from '@turnpike/db/schema'
import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { PASSWORD, type TrpcWorld, trpcWorld } from '../../testing/trpc-world.ts'

const MINUTE_MS = 60_000

function login(world: TrpcWorld, email: string, password: string, headers: Record<string, string> = {}) {
  return world.post('auth.login', { input: { email, password }, headers })
}

function cookieFrom(answer: { headers: Headers }): string {
  return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
}

test('signing in gives the user, the end of the session and a cookie that works', async () => {
  await using world = await trpcWorld()
  const user = await world.addUser('admin')
  const answer = await login(world, ' ADMIN@turnpike.test ', PASSWORD)
  expect(answer.status).toBe(200)
  expect(answer.data).toEqual({ user, expiresAt: expect.stringMatching(/^\d{4}-.*Z$/) })
  expect(answer.headers.get('set-cookie')).toMatch(
    /^turnpike_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43(200|1\d\d)$/,
  )
  const me = await world.get('auth.me', { cookie: cookieFrom(answer) })
  expect(me.data).toEqual({
    user,
    permissions: expect.arrayContaining(['self', 'users:write']),
    secondFactor: { enabled: false, recoveryCodesLeft: 0 },
    expiresAt: expect.any(String),
  })
})

test('with an https public URL the cookie is Secure and of this host alone', async () => {
  await using world = await trpcWorld({ env: { publicUrl: 'https://panel.example' } })
  await world.addUser('admin')
  const answer = await login(world, 'admin@turnpike.test', PASSWORD)
  expect(answer.headers.get('set-cookie')).toMatch(/^__Host-turnpike_session=[\w-]{43};.*; Secure;/)
  expect((await world.get('auth.me', { cookie: cookieFrom(answer) })).status).toBe(200)
})

test('no plain token is stored', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const dump = JSON.stringify(await world.database.sql`select * from sessions`)
  expect(dump).not.toContain(cookie.split('=')[1])
})

test('a wrong password, an unknown, an archived and a passwordless user get one and the same answer', async () => {
  await using world = await trpcWorld()
  const known = await world.addUser('admin')
  const archived = await world.addUser('viewer')
  await world.services.users.archive(archived.id, 'owner')
  await world.services.users.create(
    { email: 'invited@turnpike.test', name: '', role: 'user', concurrency: 1, groupIds: [], notes: '' },
    'owner',
  )
  const answers = [
    await login(world, known.email, 'wrong'),
    await login(world, 'nobody@turnpike.test', 'wrong'),
    await login(world, archived.email, PASSWORD),
    await login(world, 'invited@turnpike.test', ''),
  ]
  const shapes = answers.map(({ status, error: { message, code, data } }) => {
    return JSON.stringify({ status, message, code, data: { ...data, requestId: null } })
  })
  expect(new Set(shapes).size).toBe(1)
  expect(answers[0]).toMatchObject({ status: 401, error: { data: { reason: 'invalid_credentials' } } })
  expect(answers.map(({ headers }) => headers.get('set-cookie'))).toEqual([null, null, null, null])
})

test('an unknown user costs the same work as a known one', async () => {
  await using world = await trpcWorld()
  await world.addUser('admin')
  async function takes(email: string): Promise<number> {
    const startedMs = performance.now()
    expect((await login(world, email, 'wrong')).status).toBe(401)
    return performance.now() - startedMs
  }
  const median = (times: number[]) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0
  await takes('warm-up@turnpike.test')
  const times = { unknown: [] as number[], known: [] as number[] }
  // In turn, so that a machine which is busy for a while is so for both.
  for (let round = 0; round < 15; round++) {
    times.unknown.push(await takes('nobody@turnpike.test'))
    times.known.push(await takes('admin@turnpike.test'))
    if (round % 4 === 3) world.clock.advance(15 * MINUTE_MS)
  }
  const ratio = median(times.unknown) / median(times.known)
  expect(ratio).toBeGreaterThan(0.4)
  expect(ratio).toBeLessThan(2.5)
})

test('the sixth try of one account from one address in 15 minutes is refused, right or wrong; then the count starts anew', async () => {
  await using world = await trpcWorld()
  await world.addUser('admin')
  for (let attempt = 1; attempt <= 5; attempt++) {
    expect((await login(world, 'admin@turnpike.test', 'wrong')).status).toBe(401)
  }
  const refused = await login(world, 'Admin@Turnpike.test', PASSWORD)
  expect(refused).toMatchObject({ status: 429, error: { data: { reason: 'too_many_attempts' } } })
  // The tries themselves take their time, too.
  world.clock.advance(14 * MINUTE_MS)
  expect((await login(world, 'admin@turnpike.test', PASSWORD)).status).toBe(429)
  world.clock.advance(MINUTE_MS)
  expect((await login(world, 'admin@turnpike.test', PASSWORD)).status).toBe(200)
})

test('the rightful owner gets in from elsewhere while somebody tries his account', async () => {
  await using world = await trpcWorld({ env: { trustedProxies: ['127.0.0.1'] } })
  await world.addUser('owner')
  for (let attempt = 1; attempt <= 8; attempt++) {
    await login(world, 'owner@turnpike.test', 'wrong', { 'x-forwarded-for': '203.0.113.66' })
  }
  const attacker = await login(world, 'owner@turnpike.test', PASSWORD, { 'x-forwarded-for': '203.0.113.66' })
  const owner = await login(world, 'owner@turnpike.test', PASSWORD, { 'x-forwarded-for': '198.51.100.7' })
  expect([attacker.status, owner.status]).toEqual([429, 200])
})

test('tries that ended with the right password are not held against anybody', async () => {
  await using world = await trpcWorld()
  await world.addUser('admin')
  for (let attempt = 1; attempt <= 4; attempt++) await login(world, 'admin@turnpike.test', 'wrong')
  expect((await login(world, 'admin@turnpike.test', PASSWORD)).status).toBe(200)
  for (let attempt = 1; attempt <= 5; attempt++) {
    expect((await login(world, 'admin@turnpike.test', 'wrong')).status).toBe(401)
  }
})

test('a batch cannot try more often than single calls', async () => {
  await using world = await trpcWorld()
  await world.addUser('admin')
  const calls = 20
  const response = await fetch(`${world.origin}/trpc/${Array(calls).fill('auth.login').join(',')}?batch=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: world.origin },
    body: JSON.stringify(
      Object.fromEntries(
        Array.from({ length: calls }, (_, at) => [at, { email: 'admin@turnpike.test', password: `p${at}` }]),
      ),
    ),
  })
  const reasons = ((await response.json()) as { error: { data: { reason: string } } }[]).map(
    ({ error }) => error.data.reason,
  )
  expect(reasons.filter((reason) => reason === 'invalid_credentials')).toHaveLength(5)
  expect(reasons.filter((reason) => reason === 'too_many_attempts')).toHaveLength(15)
})

test('a session ends after 30 idle minutes, goes on while it is used, and ends for good after 12 hours', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  world.clock.advance(29 * MINUTE_MS)
  expect((await world.get('auth.me', { cookie })).status).toBe(200)
  world.clock.advance(29 * MINUTE_MS)
  expect((await world.get('auth.me', { cookie })).status).toBe(200)
  world.clock.advance(30 * MINUTE_MS + 1_000)
  expect(await world.get('auth.me', { cookie })).toMatchObject({
    status: 401,
    error: { data: { reason: 'unauthenticated' } },
  })

  const busy = await world.cookieOf(1)
  for (let minutes = 0; minutes < 12 * 60; minutes += 20) {
    expect((await world.get('auth.me', { cookie: busy })).status).toBe(200)
    world.clock.advance(20 * MINUTE_MS)
  }
  expect((await world.get('auth.me', { cookie: busy })).status).toBe(401)
})

test('signing out ends the session on the server and takes the cookie away', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const answer = await world.post('auth.logout', { cookie })
  expect(answer.headers.get('set-cookie')).toContain('turnpike_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0')
  expect((await world.get('auth.me', { cookie })).status).toBe(401)
})

test('a disabled or archived user is signed out at once', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('viewer')
  await world.services.users.update({ id: user.id, status: 'disabled' }, 'owner')
  expect((await world.get('auth.me', { cookie })).status).toBe(401)
})

test('a new password needs the old one and ends every other session', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('admin')
  const other = await world.cookieOf(user.id)
  const input = { currentPassword: 'wrong', newPassword: 'another good password' }
  expect(await world.post('auth.changePassword', { cookie, input })).toMatchObject({
    status: 401,
    error: { data: { reason: 'invalid_credentials', field: 'currentPassword' } },
  })
  expect(
    (await world.post('auth.changePassword', { cookie, input: { ...input, currentPassword: PASSWORD } })).status,
  ).toBe(200)
  expect((await world.get('auth.me', { cookie })).status).toBe(200)
  expect((await world.get('auth.me', { cookie: other })).status).toBe(401)
  expect((await login(world, user.email, PASSWORD)).status).toBe(401)
  expect((await login(world, user.email, 'another good password')).status).toBe(200)
})

test('guessing the current password is limited like signing in', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const input = { currentPassword: 'wrong', newPassword: 'another good password' }
  const statuses: number[] = []
  for (let attempt = 1; attempt <= 6; attempt++)
    statuses.push((await world.post('auth.changePassword', { cookie, input })).status)
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429])
})

test('everybody sees and ends his own sessions; another’s looks like none', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('viewer')
  const second = await world.cookieOf(user.id)
  const { cookie: foreign } = await world.signIn('admin')
  const list = (await world.get('auth.sessions.list', { cookie })).data as {
    items: { id: number; current: boolean }[]
    nextCursor: null
  }
  expect(list.items.map(({ current }) => current)).toEqual([false, true])
  const [newest] = list.items
  expect(await world.post('auth.sessions.revoke', { cookie: foreign, input: { id: newest?.id } })).toMatchObject({
    status: 404,
    error: { data: { reason: 'not_found', field: 'id' } },
  })
  expect((await world.get('auth.me', { cookie: second })).status).toBe(200)
  expect((await world.post('auth.sessions.revoke', { cookie, input: { id: newest?.id } })).data).toMatchObject({
    id: newest?.id,
  })
  expect((await world.get('auth.me', { cookie: second })).status).toBe(401)
})

test('the first owner is made once; later starts find him and tell whether his password was changed', async () => {
  await using world = await trpcWorld()
  const first = await world.owners.ensureOwner({ email: 'Boss@turnpike.test', password: PASSWORD, concurrency: 100 })
  expect(first).toEqual({ userId: expect.any(Number), email: 'boss@turnpike.test', passwordMatches: true })
  expect(await world.owners.ensureOwner({ email: 'boss@turnpike.test', password: PASSWORD })).toEqual(first)
  await world.services.users.update({ id: first.userId, email: 'renamed@turnpike.test' }, 'owner')
  expect(await world.owners.ensureOwner({ email: 'boss@turnpike.test', password: 'another good password' })).toEqual({
    ...first,
    email: 'renamed@turnpike.test',
    passwordMatches: false,
  })
  expect(await world.database.db.select({ role: users.role, concurrency: users.concurrency }).from(users)).toEqual([
    { role: 'owner', concurrency: 100 },
  ])
})

test('a reset password works, the old one does not, and every session has ended', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('owner')
  const password = await world.owners.resetPassword(' OWNER@turnpike.test')
  expect(password).toMatch(/^[\w-]{20}$/)
  expect((await world.get('auth.me', { cookie })).status).toBe(401)
  expect((await login(world, user.email, PASSWORD)).status).toBe(401)
  expect((await login(world, user.email, password ?? '')).status).toBe(200)
  expect(await world.owners.resetPassword('nobody@turnpike.test')).toBeNull()
  const [row] = await world.database.db.select().from(users).where(eq(users.id, user.id))
  expect(row?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})
