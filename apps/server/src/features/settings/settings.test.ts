import { DEFAULT_SETTINGS } from '@turnpike/core/inputs/settings'
import { expect, test } from 'vitest'
import { trpcWorld } from '../../testing/trpc-world.ts'

test('what is not stored has its default; what is set is kept, told, and written down', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  expect((await world.get('settings.get', { cookie })).data).toEqual(DEFAULT_SETTINGS)
  const { data } = await world.post('settings.set', { cookie, input: { timeZone: 'Asia/Shanghai' } })
  expect(data).toEqual({ ...DEFAULT_SETTINGS, timeZone: 'Asia/Shanghai' })
  expect((await world.get('settings.get', { cookie })).data).toEqual(data)
  const log = Object((await world.get('audit.list', { cookie, input: { action: 'settings.set' } })).data).items
  expect(log).toMatchObject([{ change: { timeZone: { from: 'UTC', to: 'Asia/Shanghai' } } }])
})

test.each([
  [{ timeZone: 'Mars/Olympus' }, 'invalid_input'],
  [{ nonsense: 1 }, 'unknown_field'],
  [{ 'sessions.absoluteHours': 721 }, 'invalid_input'],
])('%j changes nothing', async (input, reason) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  expect(await world.post('settings.set', { cookie, input })).toMatchObject({
    status: 400,
    error: { data: { reason } },
  })
  expect((await world.get('settings.get', { cookie })).data).toEqual(DEFAULT_SETTINGS)
})

test('how long a sign-in lasts is a setting', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('admin')
  await world.post('settings.set', { cookie, input: { 'sessions.absoluteHours': 2 } })
  const { expiresAt } = await world.services.sessions.begin(user.id, { ip: '127.0.0.1', userAgent: null })
  expect(Math.abs(expiresAt.getTime() - world.clock.now() - 2 * 3_600_000)).toBeLessThan(5_000)
})
