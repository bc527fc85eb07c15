import { Secret, TOTP } from 'otpauth'
import { expect, test } from 'vitest'
import { PASSWORD, trpcWorld } from '../../testing/trpc-world.ts'

type World = Awaited<ReturnType<typeof trpcWorld>>

const STEP_MS = 30_000

async function withSecondFactor(world: World) {
  const { user, cookie } = await world.signIn('admin')
  const { secret, uri } = Object((await world.post('auth.totp.enable', { cookie })).data)
  const code = () => new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: world.clock.now() })
  const { data } = await world.post('auth.totp.confirm', { cookie, input: { code: code() } })
  const recoveryCodes: string[] = Object(data).recoveryCodes
  world.clock.advance(2 * STEP_MS)
  const login = (totp?: string) => world.post('auth.login', { input: { email: user.email, password: PASSWORD, totp } })
  return { user, cookie, secret, uri, code, login, recoveryCodes }
}

test('a code is asked for at sign-in, and good once', async () => {
  await using world = await trpcWorld()
  const { uri, code, login } = await withSecondFactor(world)
  expect(uri).toMatch(/^otpauth:\/\/totp\/Turnpike/)
  expect(await login()).toMatchObject({ status: 401, error: { data: { reason: 'totp_required' } } })
  expect(await login('000000')).toMatchObject({ status: 401, error: { data: { reason: 'invalid_credentials' } } })
  const now = code()
  expect((await login(now)).status).toBe(200)
  expect(await login(now)).toMatchObject({ status: 401 })
  world.clock.advance(2 * STEP_MS)
  expect((await login(code())).status).toBe(200)
})

test('a wrong password is told before any code', async () => {
  await using world = await trpcWorld()
  const { user } = await withSecondFactor(world)
  const answer = await world.post('auth.login', { input: { email: user.email, password: 'wrong wrong' } })
  expect(answer).toMatchObject({ status: 401, error: { data: { reason: 'invalid_credentials' } } })
})

test('each of ten recovery codes is good once', async () => {
  await using world = await trpcWorld()
  const { login, recoveryCodes } = await withSecondFactor(world)
  expect(new Set(recoveryCodes).size).toBe(10)
  expect((await login(recoveryCodes[3])).status).toBe(200)
  expect(await login(recoveryCodes[3])).toMatchObject({ status: 401 })
  expect((await login(recoveryCodes[4]?.toUpperCase())).status).toBe(200)
})

test('until it is confirmed it counts for nothing; a wrong code confirms nothing', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('admin')
  await world.post('auth.totp.enable', { cookie })
  expect(await world.post('auth.totp.confirm', { cookie, input: { code: '000000' } })).toMatchObject({ status: 401 })
  expect((await world.post('auth.login', { input: { email: user.email, password: PASSWORD } })).status).toBe(200)
})

test('it goes by password and code, or by an owner', async () => {
  await using world = await trpcWorld()
  const { cookie, code, login } = await withSecondFactor(world)
  expect(await world.post('auth.totp.enable', { cookie })).toMatchObject({ status: 409 })
  const disable = (password: string, given: string) =>
    world.post('auth.totp.disable', { cookie, input: { password, code: given } })
  expect(await disable('wrong wrong', code())).toMatchObject({ status: 401, error: { data: { field: 'password' } } })
  expect(await disable(PASSWORD, '000000')).toMatchObject({ status: 401, error: { data: { field: 'code' } } })
  expect((await disable(PASSWORD, code())).status).toBe(200)
  expect((await login()).status).toBe(200)
})

test('an owner takes it away from who has lost it', async () => {
  await using world = await trpcWorld()
  const { user, login } = await withSecondFactor(world)
  const { cookie: owner } = await world.signIn('owner')
  expect((await world.post('users.resetTotp', { cookie: owner, input: { id: user.id } })).status).toBe(200)
  expect((await login()).status).toBe(200)
})

test('no table holds a secret or a recovery code as it is', async () => {
  await using world = await trpcWorld()
  const { secret, recoveryCodes } = await withSecondFactor(world)
  const rows = JSON.stringify(await world.database.sql`select to_jsonb(u) as row from users u`)
  for (const planted of [secret, ...recoveryCodes]) expect(rows).not.toContain(planted)
})

test('whoever signs in is told whether he has one, and how many recovery codes are left', async () => {
  await using world = await trpcWorld()
  const { cookie: before } = await world.signIn('viewer')
  expect((await world.get('auth.me', { cookie: before })).data).toMatchObject({
    secondFactor: { enabled: false, recoveryCodesLeft: 0 },
  })
  const { cookie, login, recoveryCodes } = await withSecondFactor(world)
  await login(recoveryCodes[0])
  expect((await world.get('auth.me', { cookie })).data).toMatchObject({
    secondFactor: { enabled: true, recoveryCodesLeft: 9 },
  })
})
