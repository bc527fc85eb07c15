import type { Outcome } from '@turnpike/core/gateway/outcome'
import { insertOutcomes } from '@turnpike/db'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import { type TrpcWorld, trpcWorld } from '../../testing/trpc-world.ts'
import { newestRequests, usageTotals } from './queries.ts'
import { type UsageLines, usageSeries } from './series.ts'
import type { UsageOverview } from './usage.ts'
import type { UsageDetail, UsageRecord } from './usage-record.ts'

const HOUR_MS = 3_600_000

async function book(world: TrpcWorld, ...changes: Partial<Outcome>[]) {
  const outcomes = changes.map((change) => makeOutcome(change))
  await insertOutcomes(
    world.database.sql,
    outcomes.map((outcome) => JSON.stringify(outcome)),
  )
  return outcomes
}

async function list(world: TrpcWorld, cookie: string, input: object = {}) {
  return (await world.get('usage.list', { cookie, input })).data as { items: UsageRecord[]; nextCursor: string | null }
}

test('a request is shown with every field of the contract, and in detail with why', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const [outcome] = await book(world, {
    costNano: 1_250_000_000,
    billedNano: 2_500_000_000,
    multiplierE4: 20_000,
    errorCode: null,
    billing: 'subscription',
    subscriptionId: 6,
    serviceTier: 'flex',
  })
  const record: UsageRecord = {
    requestId: outcome?.requestId ?? '',
    clientRequestId: 'client-1',
    createdAt: new Date(outcome?.createdAtMs ?? 0).toISOString(),
    endpoint: '/v1/chat/completions',
    protocol: 'chat',
    stream: true,
    status: 200,
    outcome: 'completed',
    errorCode: null,
    userId: 1,
    keyId: 2,
    groupId: 3,
    accountId: 4,
    billing: 'subscription',
    subscriptionId: 6,
    serviceTier: 'flex',
    model: 'gpt-4o-mini',
    upstreamModel: 'gpt-4o-mini-2024-07-18',
    inputTokens: 100,
    cachedInputTokens: 20,
    cacheWriteTokens: 0,
    outputTokens: 300,
    reasoningTokens: 0,
    cost: '1.25',
    costNano: '1250000000',
    billed: '2.5',
    billedNano: '2500000000',
    rateMultiplier: '2',
    estimated: false,
    attempts: outcome?.attempts ?? [],
    times: outcome?.times ?? expect.anything(),
    clientIp: '192.0.2.7',
    userAgent: 'OpenAI/JS 7.57.0',
  }
  expect((await list(world, cookie)).items).toEqual([record])
  const detail = (await world.get('usage.get', { cookie, input: { requestId: record.requestId } })).data as UsageDetail
  expect(detail).toEqual({
    ...record,
    decision: outcome?.decision,
    upstreamResponseId: 'chatcmpl-1',
    priceRule: 'usage',
    usageInvalid: false,
  })
})

test('a model without a price has no cost, which is not 0', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  await book(world, { costNano: null, billedNano: 0 })
  expect((await list(world, cookie)).items).toMatchObject([{ cost: null, costNano: null, billed: '0' }])
  expect((await world.get('usage.summary', { cookie })).data).toMatchObject({
    total: { requests: 1, cost: null, billed: '0' },
  })
})

test('pages go newest first without gap or double, also among requests of one millisecond and while new ones come', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const nowMs = Date.now()
  const outcomes = await book(
    world,
    ...Array.from({ length: 23 }, (_, at) => ({ createdAtMs: nowMs - 1_000 - Math.floor(at / 5) })),
  )
  const seen: string[] = []
  let cursor: string | null = null
  do {
    const page = await list(world, cookie, { limit: 4, cursor })
    seen.push(...page.items.map(({ requestId }) => requestId))
    cursor = page.nextCursor
    await book(world, { createdAtMs: nowMs })
  } while (cursor !== null)
  expect(seen).toEqual(
    outcomes
      .map(({ requestId }) => requestId)
      .sort()
      .reverse(),
  )
})

test('unasked, the last 24 hours are shown; from is inside, to is not', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const nowMs = Date.now()
  const [old, edge, recent] = await book(
    world,
    { createdAtMs: nowMs - 25 * HOUR_MS },
    { createdAtMs: nowMs - 3 * HOUR_MS },
    { createdAtMs: nowMs - HOUR_MS },
  )
  expect((await list(world, cookie)).items.map(({ requestId }) => requestId)).toEqual([
    recent?.requestId,
    edge?.requestId,
  ])
  const at = (ms: number) => new Date(ms).toISOString()
  const window = { from: at(nowMs - 3 * HOUR_MS), to: at(nowMs - HOUR_MS) }
  expect((await list(world, cookie, window)).items.map(({ requestId }) => requestId)).toEqual([edge?.requestId])
  expect((await list(world, cookie, { requestId: old?.requestId })).items).toHaveLength(1)
  expect(await world.get('usage.list', { cookie, input: { from: window.to, to: window.from } })).toMatchObject({
    status: 400,
    error: { data: { reason: 'invalid_input', field: 'from' } },
  })
})

test.each([
  [{ userId: 9 }, { userId: 9 }],
  [{ keyId: 9 }, { keyId: 9 }],
  [{ groupId: 9 }, { groupId: 9 }],
  [{ accountId: 9 }, { accountId: 9 }],
  [{ model: "o'model" }, { model: "o'model" }],
  [{ outcome: 'upstream_cut' }, { outcome: 'upstream_cut' }],
] as const)('filtering by %j keeps just those', async (filter, change) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const [, match] = await book(world, {}, change)
  expect((await list(world, cookie, filter)).items.map(({ requestId }) => requestId)).toEqual([match?.requestId])
  expect((await world.get('usage.summary', { cookie, input: filter })).data).toMatchObject({
    total: { requests: 1 },
    groups: [],
  })
})

test('totals are those of their groups together, which are named and come dearest first', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('viewer')
  await book(
    world,
    { userId: user.id, costNano: 1_000_000_000, billedNano: 1_000_000_000 },
    { userId: user.id, costNano: 1_500_000_000, billedNano: 0, outcome: 'upstream_cut', status: 502 },
    { userId: 404, costNano: 9_000_000_000, billedNano: 9_000_000_000, outcome: 'client_closed', status: 499 },
    { userId: 404, costNano: null, billedNano: 0, outcome: 'rejected_upstream', status: 400 },
  )
  const { data } = await world.get('usage.summary', { cookie, input: { groupBy: 'user' } })
  const summary = data as UsageOverview
  expect(summary.total).toEqual({
    requests: 4,
    errors: 1,
    inputTokens: 400,
    cachedInputTokens: 80,
    outputTokens: 1_200,
    cost: '11.5',
    costNano: '11500000000',
    billed: '10',
    billedNano: '10000000000',
  })
  expect(
    summary.groups.map(({ id, label, requests, errors, cost }) => ({ id, label, requests, errors, cost })),
  ).toEqual([
    { id: 404, label: '', requests: 2, errors: 0, cost: '9' },
    { id: user.id, label: 'viewer', requests: 2, errors: 1, cost: '2.5' },
  ])
})

test.each([
  ['key', 2],
  ['group', 3],
  ['account', 4],
  ['model', 'gpt-4o-mini'],
  ['endpoint', '/v1/chat/completions'],
] as const)('totals by %s carry its id', async (groupBy, id) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  await book(world, {})
  expect((await world.get('usage.summary', { cookie, input: { groupBy } })).data).toMatchObject({
    groups: [{ id, requests: 1 }],
  })
})

test('an empty window has totals of 0 and no groups', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  expect((await world.get('usage.summary', { cookie, input: { groupBy: 'model' } })).data).toMatchObject({
    total: { requests: 0, errors: 0, cost: '0', billed: '0' },
    groups: [],
  })
})

test('a series cuts the window into whole buckets of UTC, also those in which nothing was', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const hourMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 4 * HOUR_MS
  await book(
    world,
    { createdAtMs: hourMs + 1, costNano: 1_000_000_000 },
    { createdAtMs: hourMs + HOUR_MS - 1, costNano: 2_000_000_000, outcome: 'failed', status: 502 },
    { createdAtMs: hourMs + 2 * HOUR_MS, costNano: null },
  )
  const at = (ms: number) => new Date(ms).toISOString()
  const input = { from: at(hourMs + 1), to: at(hourMs + 3 * HOUR_MS), bucket: 'hour' }
  const answer = (await world.get('usage.series', { cookie, input })).data as UsageLines
  expect(answer).toMatchObject({ from: input.from, to: input.to, bucket: 'hour', series: [{ id: null, label: '' }] })
  expect(answer.series[0]?.points).toMatchObject([
    { at: at(hourMs), requests: 2, errors: 1, inputTokens: 200, outputTokens: 600, cost: '3' },
    { at: at(hourMs + HOUR_MS), requests: 0, errors: 0, inputTokens: 0, cost: '0', costNano: '0', billed: '0' },
    { at: at(hourMs + 2 * HOUR_MS), requests: 1, errors: 0, cost: null },
  ])
})

test('of more than 20 groups the dearest have a line of their own, and the others one together', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  await book(world, ...Array.from({ length: 25 }, (_, at) => ({ model: `m${at}`, costNano: (at + 1) * 1_000_000_000 })))
  const { series } = (await world.get('usage.series', { cookie, input: { groupBy: 'model' } })).data as UsageLines
  expect(series.map(({ id }) => id)).toEqual([...Array.from({ length: 20 }, (_, at) => `m${24 - at}`), 'other'])
  const costs = series.map(({ points }) => points.reduce((sum, { cost }) => sum + Number(cost), 0))
  expect(costs.at(0)).toBe(25)
  expect(costs.at(-1)).toBe(1 + 2 + 3 + 4 + 5)
})

test('lines carry the id and the name of what they stand for, also of no account at all', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('viewer')
  await book(world, { userId: user.id, accountId: null })
  const ask = async (groupBy: string) =>
    ((await world.get('usage.series', { cookie, input: { groupBy } })).data as UsageLines).series
  expect(await ask('user')).toMatchObject([{ id: user.id, label: 'viewer' }])
  expect(await ask('account')).toMatchObject([{ id: null, label: '' }])
})

test.each([
  [{ from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:01Z' }, 'from'],
  [{ from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z', bucket: 'minute' }, 'bucket'],
  [{ bucket: 'second' }, 'bucket'],
])('a series of %j is too long or too fine', async (input, field) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  expect(await world.get('usage.series', { cookie, input })).toMatchObject({
    status: 400,
    error: { data: { reason: 'invalid_input', field } },
  })
})

test.each([
  [6 * HOUR_MS, 'minute', 360],
  [7 * 24 * HOUR_MS, 'hour', 168],
  [31 * 24 * HOUR_MS, 'day', 31],
])('unasked, %d ms are cut by the %s', async (rangeMs, bucket, points) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const from = Date.parse('2026-01-01T00:00:00Z')
  const input = { from: new Date(from).toISOString(), to: new Date(from + rangeMs).toISOString() }
  const answer = (await world.get('usage.series', { cookie, input })).data as UsageLines
  expect(answer.bucket).toBe(bucket)
  expect(answer.series[0]?.points).toHaveLength(points)
})

test('an absent request is not found, an id of another kind neither, and no cursor is ever SQL', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const [outcome] = await book(world, {})
  const absent = `${outcome?.requestId.slice(0, -4)}0000`
  expect((await world.get('usage.get', { cookie, input: { requestId: absent } })).status).toBe(404)
  expect((await world.get('usage.get', { cookie, input: { requestId: crypto.randomUUID() } })).status).toBe(404)
  expect((await world.get('usage.get', { cookie, input: { requestId: 'x' } })).status).toBe(400)
  for (const cursor of ["'; drop table users; --", crypto.randomUUID()]) {
    expect(await world.get('usage.list', { cookie, input: { cursor } })).toMatchObject({
      status: 400,
      error: { data: { field: 'cursor' } },
    })
  }
})

test('a page of any filter reads an index in order: no sort, and only the partitions of its window', async () => {
  await using world = await trpcWorld()
  const { sql } = world.database
  await book(world, ...Array.from({ length: 400 }, (_, at) => ({ userId: at % 20, keyId: at % 40 })))
  await sql`analyze usage_logs`
  const to = new Date(Date.now() + 1_000)
  const window = { from: new Date(to.getTime() - HOUR_MS), to }
  for (const filter of [{}, { userId: 3 }, { keyId: 3 }, { groupId: 3 }, { accountId: 4 }, { model: 'gpt-4o-mini' }]) {
    const plan = await planOf(world, newestRequests(sql, { ...window, ...filter }, 50, null))
    expect(plan, JSON.stringify(filter)).not.toMatch(/Sort|Seq Scan/)
    expect(plan, JSON.stringify(filter)).toMatch(/Index Scan Backward/)
    expect(partitionsIn(plan).size, JSON.stringify(filter)).toBeLessThanOrEqual(2)
  }
})

test('totals and groups come from one reading of the ledger', async () => {
  await using world = await trpcWorld()
  const to = new Date()
  const window = { from: new Date(to.getTime() - 60_000), to }
  const plan = await planOf(world, usageTotals(world.database.sql, window, 'model'))
  const readings = plan.match(/Scan[^\n]* on usage_logs_\d{4}/g) ?? []
  expect(readings).toHaveLength(partitionsIn(plan).size)
})

test('a series reads the ledger once', async () => {
  await using world = await trpcWorld()
  const to = new Date()
  const window = { from: new Date(to.getTime() - 60_000), to }
  const plan = await planOf(world, usageSeries(world.database.sql, window, { groupBy: 'model', bucket: 'minute' }))
  const readings = plan.match(/Scan[^\n]* on usage_logs_\d{4}/g) ?? []
  expect(readings).toHaveLength(partitionsIn(plan).size)
})

// Few rows are cheapest read whole and sorted: what is asked is whether there is another way, so those are made dear.
async function planOf(
  world: TrpcWorld,
  query: ReturnType<typeof newestRequests | typeof usageTotals | typeof usageSeries>,
): Promise<string> {
  const connection = await world.database.sql.reserve()
  try {
    await connection.unsafe('set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off')
    const rows = await connection<{ 'QUERY PLAN': string }[]>`explain ${query}`
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  } finally {
    connection.release()
  }
}

function partitionsIn(plan: string): Set<string> {
  return new Set(plan.match(/usage_logs_\d{4}_\d\d_\d\d/g) ?? [])
}
