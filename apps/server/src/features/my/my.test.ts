import type { Outcome } from '@turnpike/core/gateway/outcome'
import { insertOutcomes } from '@turnpike/db'
import { auditLog, subscriptions } from '@turnpike/db/schema'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import { type TrpcWorld, trpcWorld } from '../../testing/trpc-world.ts'
import type { OwnLimits } from './my.ts'
import type { OwnFailure, OwnRequest } from './own-request.ts'

const DAY_MS = 86_400_000

async function book(world: TrpcWorld, ...changes: Partial<Outcome>[]) {
  const outcomes = changes.map((change) => makeOutcome(change))
  await insertOutcomes(
    world.database.sql,
    outcomes.map((outcome) => JSON.stringify(outcome)),
  )
  return outcomes
}

async function items<Item>(world: TrpcWorld, path: string, cookie: string, input: object = {}) {
  return ((await world.get(path, { cookie, input })).data as { items: Item[] }).items
}

test('a profile is of who asks, without what others noted about him', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('user')
  const { status: _status, notes: _notes, groupIds: _groupIds, ...own } = user
  expect((await world.get('my.profile', { cookie })).data).toEqual(own)
})

test('groups one may use are open or name him, are active, and where a subscription pays he has one', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('user')
  const { groups, users } = world.services
  const open = await groups.create({ name: 'open', models: ['m'] })
  const closed = await groups.create({ name: 'closed', exclusive: true })
  const his = await groups.create({ name: 'his', exclusive: true, billing: 'balance' })
  const paid = await groups.create({ name: 'paid', billing: 'subscription' })
  const ended = await groups.create({ name: 'ended', billing: 'subscription' })
  const off = await groups.create({ name: 'off' })
  await groups.update({ id: off.id, status: 'disabled' })
  await users.update({ id: user.id, groupIds: [his.id] }, 'owner')
  const now = Date.now()
  await world.database.db.insert(subscriptions).values([
    { userId: user.id, groupId: paid.id, startsAt: new Date(now - 1), expiresAt: new Date(now + DAY_MS) },
    { userId: user.id, groupId: ended.id, startsAt: new Date(now - DAY_MS), expiresAt: new Date(now - 1) },
  ])
  expect(await items(world, 'my.groups', cookie)).toEqual([
    { id: open.id, name: 'open', billing: 'none', models: ['m'] },
    { id: his.id, name: 'his', billing: 'balance', models: [] },
    { id: paid.id, name: 'paid', billing: 'subscription', models: [] },
  ])
  const create = (groupId: number) => world.post('my.keys.create', { cookie, input: { name: 'k', groupId } })
  for (const { id } of [open, his, paid]) expect((await create(id)).status).toBe(200)
  for (const id of [closed.id, ended.id, off.id, 9_999]) {
    expect(await create(id)).toMatchObject({ status: 404, error: { data: { field: 'groupId' } } })
  }
})

test('one has, makes, rotates and revokes keys of his own, and those of others are not there', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('user')
  const other = await world.addUser('user', 'other@turnpike.test')
  const { id: groupId } = await world.services.groups.create({ name: 'g' })
  const { key: foreign } = await world.services.keys.create({ userId: other.id, groupId, name: 'foreign' })
  const input = { name: 'mine', groupId, concurrency: 2, spendingLimits: { day: '1' }, models: ['m'] }
  const created = (await world.post('my.keys.create', { cookie, input })).data as {
    key: { id: number }
    secret: string
  }
  expect(created.key).toMatchObject({ userId: user.id, groupId, concurrency: 2, models: ['m'] })
  expect(created.secret).toMatch(/^tp-/)
  expect(await items(world, 'my.keys.list', cookie)).toEqual([created.key])
  for (const path of ['my.keys.revoke', 'my.keys.rotate']) {
    for (const id of [foreign.id, 9_999]) {
      expect(await world.post(path, { cookie, input: { id } })).toMatchObject({
        status: 404,
        error: { data: { reason: 'not_found', field: 'id' } },
      })
    }
  }
  const rotated = (await world.post('my.keys.rotate', { cookie, input: { id: created.key.id } })).data as typeof created
  expect(rotated.key).toMatchObject({ name: 'mine', userId: user.id })
  expect((await world.post('my.keys.revoke', { cookie, input: { id: rotated.key.id } })).data).toMatchObject({
    status: 'revoked',
  })
  expect((await world.services.keys.get(foreign.id)).status).toBe('active')
  const audited = await world.database.db.select().from(auditLog).orderBy(auditLog.id)
  expect(audited.filter(({ actorId }) => actorId === user.id).map(({ action }) => action)).toEqual([
    'keys.create',
    'keys.rotate',
    'keys.revoke',
  ])
})

test.each([{ userId: 1 }, { cidrs: ['10.0.0.0/8'] }, { requestsPerMinute: 5 }])(
  'a key of one’s own takes no %j',
  async (extra) => {
    await using world = await trpcWorld()
    const { cookie } = await world.signIn('user')
    expect(await world.post('my.keys.create', { cookie, input: { name: 'k', groupId: 1, ...extra } })).toMatchObject({
      status: 400,
      error: { data: { reason: 'unknown_field' } },
    })
  },
)

test('requests are those of who asks, without the account, the upstream, or why it was chosen', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('user')
  const [own, foreign] = await book(world, { userId: user.id }, { userId: user.id + 1 })
  const [request, ...others] = await items<OwnRequest>(world, 'my.usage.list', cookie)
  expect(others).toEqual([])
  expect(request?.requestId).toBe(own?.requestId)
  const detail = await world.get('my.requests.get', { cookie, input: { requestId: own?.requestId } })
  expect(detail.data).toEqual({ ...request, error: null })
  for (const hidden of ['ccountId', 'pstream', 'decision', 'gpt-4o-mini-2024-07-18', 'chatcmpl-1', 'req_1']) {
    expect(detail.text.replaceAll(/upstream(?:Connect|FirstByte)Ms/g, ''), hidden).not.toContain(hidden)
  }
  const absent = `${own?.requestId.slice(0, -4)}0000`
  const answers = await Promise.all(
    [foreign?.requestId, absent].map((requestId) => world.get('my.requests.get', { cookie, input: { requestId } })),
  )
  for (const { status, error } of answers) {
    expect(status).toBe(404)
    expect(error).toMatchObject({ message: 'Not found', data: { reason: 'not_found', field: 'requestId' } })
  }
})

test('totals and series count one’s own requests only, and cannot be asked about anybody else', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('viewer')
  await book(world, { userId: user.id, model: 'mine' }, { userId: user.id + 1, model: 'other' })
  const input = { groupBy: 'model' }
  expect((await world.get('my.usage.summary', { cookie, input })).data).toMatchObject({
    total: { requests: 1 },
    groups: [{ id: 'mine' }],
  })
  expect((await world.get('my.usage.series', { cookie, input })).data).toMatchObject({ series: [{ id: 'mine' }] })
  for (const path of ['my.usage.list', 'my.usage.summary', 'my.usage.series', 'my.errors.list']) {
    for (const filter of [{ userId: user.id + 1 }, { accountId: 4 }]) {
      expect(await world.get(path, { cookie, input: filter })).toMatchObject({
        status: 400,
        error: { data: { reason: 'unknown_field' } },
      })
    }
  }
  expect((await world.get('my.usage.summary', { cookie, input: { groupBy: 'account' } })).status).toBe(400)
})

test('failed requests tell their code and the fixed text of it, page by page', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('user')
  const failed = { userId: user.id, outcome: 'failed', status: 502, createdAtMs: Date.now() - 1_000 } as const
  await book(
    world,
    { userId: user.id },
    { ...failed, errorCode: 'upstream_auth' },
    { ...failed, errorCode: 'some_upstream_code' },
    { ...failed, errorCode: 'toString' },
    { ...failed, userId: user.id + 1, errorCode: 'upstream_auth' },
  )
  const seen: OwnFailure[] = []
  let cursor: string | null = null
  do {
    const { data } = await world.get('my.errors.list', { cookie, input: { limit: 2, cursor } })
    const page = data as { items: OwnFailure[]; nextCursor: string | null }
    seen.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  expect(Object.fromEntries(seen.map(({ code, message }) => [code, message]))).toEqual({
    upstream_auth: 'Upstream authentication failed, please contact administrator',
    some_upstream_code: 'Upstream request failed',
    toString: 'Upstream request failed',
  })
  expect(seen[0]).toMatchObject({ status: 502, model: 'gpt-4o-mini', keyId: 2, endpoint: '/v1/chat/completions' })
  expect((await world.get('my.errors.list', { cookie, input: { cursor: 'x' } })).status).toBe(400)
})

test('requests that were turned away are among the errors of their user, and of nobody else', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('user')
  const { sql } = world.database
  const refused = (userId: number, code: string, count: number) => sql`
    insert into ops_error_logs (created_at, source, phase, owner, severity, type, code, status, count, request_id,
      instance_id, user_id, key_id, path, message, retryable)
    values (now() - interval '1 second', 'refusal', 'admission', 'business', 'P3', 'rate_limit_error', ${code}, 429,
      ${count}, gen_random_uuid(), 'i-1', ${userId}, 2, '/v1/responses', 'what only operators see', true)`
  await refused(user.id, 'requests_per_minute', 7)
  await refused(user.id + 1, 'queue_full', 1)
  await book(world, { userId: user.id, outcome: 'failed', status: 502, errorCode: 'upstream_failed' })
  const { data } = await world.get('my.errors.list', { cookie })
  const { items } = data as { items: OwnFailure[] }
  expect(items.map(({ code, count }) => [code, count]).toSorted()).toEqual([
    ['requests_per_minute', 7],
    ['upstream_failed', 1],
  ])
  expect(items.find(({ code }) => code === 'requests_per_minute')).toMatchObject({ model: null, status: 429 })
  expect(JSON.stringify(items)).not.toContain('operators')
})

test('a code is good once, for who redeems it first', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('user')
  const { cookie: admin } = await world.signIn('admin')
  const made = await world.post('redeem.generate', { cookie: admin, input: { kind: 'balance', amount: '5' } })
  const { codes } = made.data as { codes: string[] }
  const input = { code: ` ${codes[0]} ` }
  expect((await world.post('my.redeem', { cookie, input })).data).toMatchObject({ kind: 'balance', amount: '5' })
  expect((await world.services.users.get(user.id)).balance).toBe('5')
  expect(await world.post('my.redeem', { cookie, input })).toMatchObject({
    status: 404,
    error: { data: { reason: 'not_found', field: 'code' } },
  })
})

test('limits are one’s own: concurrency, balance, keys with what they spent, windows that run and are over', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('user')
  const group = await world.services.groups.create({
    name: 'g',
    billing: 'subscription',
    limits: { day: 5_000_000_000n },
  })
  const { key } = await world.services.keys.create({
    userId: user.id,
    groupId: group.id,
    name: 'k',
    spendingLimits: { day: 2_000_000_000n },
  })
  const now = new Date()
  const midnight = new Date(Math.floor(now.getTime() / DAY_MS) * DAY_MS)
  const long = new Date(midnight.getTime() - 40 * DAY_MS)
  const { sql, db } = world.database
  await sql`update users set balance_nano = 3000000000 where id = ${user.id}`
  await sql`insert into key_spending (key_id, total_nano, day_started_at, day_nano, month_started_at, month_nano)
    values (${key.id}, 4000000000, ${midnight}, 1000000000, ${long}, 3000000000)
    on conflict (key_id) do update set total_nano = excluded.total_nano, day_started_at = excluded.day_started_at,
      day_nano = excluded.day_nano, month_started_at = excluded.month_started_at, month_nano = excluded.month_nano`
  await db.insert(subscriptions).values({
    userId: user.id,
    groupId: group.id,
    startsAt: long,
    expiresAt: new Date(now.getTime() + DAY_MS),
    dayStartedAt: midnight,
    daySpentNano: 1_500_000_000n,
    weekStartedAt: long,
    weekSpentNano: 9_000_000_000n,
  })
  const limits = (await world.get('my.limits', { cookie })).data as OwnLimits
  expect(limits).toMatchObject({ concurrency: 5, balance: '3', balanceNano: '3000000000', reserved: '0' })
  expect(limits.keys).toMatchObject([
    { id: key.id, spendingLimits: { total: null, day: '2' }, spent: { total: '4', day: '1', month: '0' } },
  ])
  expect(limits.subscriptions).toMatchObject([{ groupName: 'g', status: 'active' }])
  expect(limits.subscriptions[0]?.windows).toEqual({
    day: {
      spent: '1.5',
      spentNano: '1500000000',
      limit: '5',
      limitNano: '5000000000',
      startedAt: midnight.toISOString(),
      resetsAt: new Date(midnight.getTime() + DAY_MS).toISOString(),
    },
    week: { spent: '0', spentNano: '0', limit: null, limitNano: null, startedAt: null, resetsAt: null },
    month: { spent: '0', spentNano: '0', limit: null, limitNano: null, startedAt: null, resetsAt: null },
  })
  const other = await world.addUser('user', 'other@turnpike.test')
  const empty = (await world.get('my.limits', { cookie: await world.cookieOf(other.id) })).data
  expect(empty).toMatchObject({ keys: [], subscriptions: [], balance: '0' })
})
