import { expect, test } from 'vitest'
import { trpcWorld } from '../../testing/trpc-world.ts'

test('a new group has the defaults of the contract', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const { data } = await world.post('groups.create', { cookie, input: { name: ' standard ' } })
  expect(data).toEqual({
    id: expect.any(Number),
    name: 'standard',
    status: 'active',
    billing: 'none',
    rateMultiplier: '1',
    exclusive: false,
    models: [],
    requestsPerMinute: null,
    tokensPerMinute: null,
    instructions: { mode: 'off', text: '' },
    onBusy: 'wait',
    onDisconnect: 'cancel',
    stickiness: 'session',
    limits: { day: null, week: null, month: null },
    validityDays: null,
    timeouts: { connectMs: 5_000, firstByteMs: 300_000, idleMs: 180_000, totalMs: 1_800_000 },
    maxAccountSwitches: 3,
    assumedOutputTokens: 4_096,
  })
})

test('an update changes what it names, inside nested settings too, and null takes a limit away', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const created = await world.post('groups.create', {
    cookie,
    input: {
      name: 'g',
      rateMultiplier: '1.5',
      limits: { day: '10.50', month: '100' },
      timeouts: { idleMs: 60_000 },
      models: ['a', 'a', 'b'],
    },
  })
  const { id } = created.data as { id: number }
  expect(created.data).toMatchObject({
    rateMultiplier: '1.5',
    limits: { day: '10.5', week: null, month: '100' },
    models: ['a', 'b'],
  })
  const changed = await world.post('groups.update', {
    cookie,
    input: {
      id,
      limits: { day: null },
      timeouts: { connectMs: 1_000 },
      instructions: { mode: 'fill' },
      requestsPerMinute: 60,
    },
  })
  expect(changed.data).toMatchObject({
    name: 'g',
    limits: { day: null, week: null, month: '100' },
    timeouts: { connectMs: 1_000, firstByteMs: 300_000, idleMs: 60_000 },
    instructions: { mode: 'fill', text: '' },
    requestsPerMinute: 60,
  })
  expect((await world.post('groups.update', { cookie, input: { id, requestsPerMinute: null } })).data).toMatchObject({
    requestsPerMinute: null,
  })
  expect((await world.post('groups.archive', { cookie, input: { id } })).data).toMatchObject({ id, status: 'archived' })
  expect((await world.get('groups.list', { cookie })).data).toMatchObject({ items: [] })
})

test.each([
  [{ name: '' }, 'name'],
  [{ name: 'two\nlines' }, 'name'],
  [{ name: 'g', rateMultiplier: 1 }, 'rateMultiplier'],
  [{ name: 'g', rateMultiplier: '1.00001' }, 'rateMultiplier'],
  [{ name: 'g', limits: { day: '0.0000000001' } }, 'limits.day'],
  [{ name: 'g', limits: { day: '-1' } }, 'limits.day'],
  [{ name: 'g', requestsPerMinute: 0 }, 'requestsPerMinute'],
  [{ name: 'g', requestsPerMinute: 2_147_483_648 }, 'requestsPerMinute'],
  [{ name: 'g', timeouts: { idleMs: 0 } }, 'timeouts.idleMs'],
  [{ name: 'g', billing: 'free' }, 'billing'],
])('%j is refused at %s', async (input, field) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  expect(await world.post('groups.create', { cookie, input })).toMatchObject({
    status: 400,
    error: { data: { reason: 'invalid_input', field } },
  })
})

test('an unknown field deep inside is named', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const answer = await world.post('groups.create', { cookie, input: { name: 'g', limits: { year: '1' } } })
  expect(answer.error.data).toMatchObject({ reason: 'unknown_field', field: 'limits.year' })
})

test('an absent group is not found, in every procedure that names one', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const answers = [
    await world.get('groups.get', { cookie, input: { id: 404 } }),
    await world.post('groups.update', { cookie, input: { id: 404, name: 'x' } }),
    await world.post('groups.update', { cookie, input: { id: 404 } }),
    await world.post('groups.archive', { cookie, input: { id: 404 } }),
  ]
  for (const answer of answers)
    expect(answer).toMatchObject({ status: 404, error: { data: { reason: 'not_found', field: 'id' } } })
})
