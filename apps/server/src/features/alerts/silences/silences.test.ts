import { expect, test } from 'vitest'
import { trpcWorld } from '../../../testing/trpc-world.ts'

/** A session would not last through more of these. */
const SPAN = 600_000

test('a silence is pending, then active, then ended, and lists ask by it', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('operator')
  const at = (ms: number) => new Date(world.clock.now() + ms).toISOString()
  const input = { startsAt: at(SPAN), endsAt: at(2 * SPAN), reason: 'upgrade', kind: 'maintenance' }
  expect((await world.post('alerts.silences.create', { cookie, input })).data).toMatchObject({
    kind: 'maintenance',
    status: 'pending',
    severities: [],
    labels: {},
    reason: 'upgrade',
  })
  const listed = async (status: string) => {
    return Object((await world.get('alerts.silences.list', { cookie, input: { status } })).data).items.length
  }
  const seen: number[][] = []
  for (const ms of [0, 1.5 * SPAN, SPAN]) {
    world.clock.advance(ms)
    seen.push([await listed('pending'), await listed('active'), await listed('ended')])
  }
  expect(seen).toEqual([
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ])
})

test('a silence can be ended before its time, once, and both are written down', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('operator')
  const endsAt = new Date(world.clock.now() + SPAN).toISOString()
  const input = { endsAt, reason: 'known', severities: ['info', 'info'], labels: { group: '1' } }
  const { id } = Object((await world.post('alerts.silences.create', { cookie, input })).data)
  const end = () => world.post('alerts.silences.end', { cookie, input: { id } })
  const first = await end()
  expect(first.data).toMatchObject({ status: 'ended', endedBy: user.id, severities: ['info'], labels: { group: '1' } })
  world.clock.advance(1_000)
  expect((await end()).data).toEqual(first.data)
  const { cookie: admin } = await world.signIn('admin')
  const { items } = Object((await world.get('audit.list', { cookie: admin })).data)
  const actions = items.map((item: { action: string }) => item.action)
  expect(actions.filter((action: string) => action.startsWith('alerts.silences'))).toEqual([
    'alerts.silences.end',
    'alerts.silences.create',
  ])
})

test.each([
  ['that ends before it begins', { startsAt: '2090-01-02T00:00:00Z', endsAt: '2090-01-01T00:00:00Z' }, 'endsAt'],
  ['that has ended already', { endsAt: '2020-01-01T00:00:00Z' }, 'endsAt'],
  ['of more than a year', { startsAt: '2090-01-01T00:00:00Z', endsAt: '2091-01-03T00:00:00Z' }, 'endsAt'],
])('a silence %s is refused', async (_what, times, field) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('operator')
  const answer = await world.post('alerts.silences.create', { cookie, input: { reason: 'r', ...times } })
  expect(answer).toMatchObject({ error: { data: { field } } })
})

test('a silence of a rule that is not there is refused', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('operator')
  const endsAt = new Date(world.clock.now() + SPAN).toISOString()
  const answer = await world.post('alerts.silences.create', {
    cookie,
    input: { reason: 'r', endsAt, ruleId: 999_999 },
  })
  expect(answer).toMatchObject({ status: 404, error: { data: { field: 'ruleId' } } })
})
