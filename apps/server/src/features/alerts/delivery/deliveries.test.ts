import { expect, test } from 'vitest'
import { type TrpcWorld, trpcWorld } from '../../../testing/trpc-world.ts'

async function plant(world: TrpcWorld, key: string, status: string): Promise<number> {
  const [row] = await world.database.sql<{ id: number }[]>`
    insert into alert_deliveries (unique_key, channel_name, kind, severity, payload, status, attempts, ended_at)
    values (${key}, 'ops', 'firing', 'warning', '{"kind":"firing","notice":{"rule":{"name":"Errors"}}}', ${status}, 2,
      ${status === 'pending' ? null : new Date(world.clock.now())})
    returning id::int as id`
  await world.database.sql`
    insert into alert_delivery_attempts (delivery_id, at, outcome, status, latency_ms)
    values (${row?.id ?? 0}, now(), 'client_error', 404, 12)`
  return row?.id ?? 0
}

test('the log tells of every message and of every try, the newest first, page by page', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const ids = [await plant(world, 'a', 'dead'), await plant(world, 'b', 'sent'), await plant(world, 'c', 'dead')]
  const list = async (input: object) => {
    return Object((await world.get('alerts.deliveries.list', { cookie, input })).data)
  }
  const { items, nextCursor } = await list({ limit: 2 })
  expect(items).toMatchObject([
    {
      id: ids[2],
      ruleName: 'Errors',
      status: 'dead',
      nextAttemptAt: null,
      attempts: [{ outcome: 'client_error', status: 404, latencyMs: 12, error: null }],
    },
    { id: ids[1] },
  ])
  expect((await list({ limit: 2, cursor: nextCursor })).items).toMatchObject([{ id: ids[0] }])
  expect((await list({ status: 'dead' })).items).toHaveLength(2)
})

test.each([
  ['dead', 200],
  ['pending', 200],
  ['sent', 409],
  ['muted', 409],
  ['superseded', 409],
])('asked to be sent again, a message that is %s answers %i', async (status, expected) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('operator')
  const id = await plant(world, 'a', status)
  const answer = await world.post('alerts.deliveries.retry', { cookie, input: { id } })
  expect(answer.status).toBe(expected)
  if (expected === 200) {
    expect(answer.data).toMatchObject({ status: 'pending', endedAt: null, nextAttemptAt: expect.any(String) })
  }
})
