import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { trpcWorld } from '../../testing/trpc-world.ts'

type World = Awaited<ReturnType<typeof trpcWorld>>

async function withThreeChanges(world: World) {
  const { user, cookie } = await world.signIn('owner')
  for (const name of ['a', 'b', 'c']) await world.post('groups.create', { cookie, input: { name } })
  return { user, cookie }
}

test('what was done is told newest first: by whom, to what, from where', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await withThreeChanges(world)
  const { data } = await world.get('audit.list', { cookie, input: { action: 'groups.create', limit: 2 } })
  expect(data).toMatchObject({
    items: [
      { actor: { kind: 'user', id: user.id, name: user.email }, target: { type: 'group' }, change: { name: 'c' } },
      { change: { name: 'b' } },
    ],
    nextCursor: expect.any(String),
  })
  expect((await world.get('audit.verify', { cookie })).data).toMatchObject({ ok: true, brokenAt: null })
  const { items } = Object(data)
  expect((await world.get('audit.get', { cookie, input: { id: items[0].id } })).data).toEqual(items[0])
  expect((await world.get('audit.get', { cookie, input: { id: 404 } })).error.data).toMatchObject({
    reason: 'not_found',
  })
})

test.each([
  ["update audit_log set action = 'nothing' where id = $1"],
  ["update audit_log set actor_name = 'nobody' where id = $1"],
  ["update audit_log set change = '{}' where id = $1"],
  ["update audit_log set at = at + interval '1 s' where id = $1"],
  ["update audit_log set hash = repeat('0', 64) where id = $1"],
  ['delete from audit_log where id = $1'],
])('whoever gets past the trigger is found out: %s', async (tampering) => {
  await using world = await trpcWorld()
  const { cookie } = await withThreeChanges(world)
  const { db } = world.database
  const rows = await world.database.sql<{ id: number }[]>`select id::int as id from audit_log order by id`
  const second = rows.at(-2)?.id ?? 0
  await expect(world.database.sql.unsafe(tampering, [second])).rejects.toThrow('append-only')
  await db.transaction(async (tx) => {
    await tx.execute(sql.raw('set local session_replication_role = replica'))
    await tx.execute(sql.raw(tampering.replace('$1', String(second))))
  })
  const broken = tampering.startsWith('delete') ? rows.at(-1)?.id : second
  expect((await world.get('audit.verify', { cookie })).data).toMatchObject({ ok: false, brokenAt: broken })
})

test('a change that does not come about leaves no entry', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('owner')
  expect((await world.post('groups.update', { cookie, input: { id: 404, name: 'x' } })).status).toBe(404)
  expect((await world.get('audit.list', { cookie, input: { targetType: 'group' } })).data).toMatchObject({ items: [] })
})
