import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { startGatedUpstream } from '../support/gated-upstream.ts'
import { errorOf, startGatewayWorld } from '../support/gateway-world.ts'

type Options = Parameters<typeof startGatewayWorld>[0]

const SOON = { timeout: 20_000 }
/** Longer than anything else that a request does. */
const QUEUED_MS = 3_000

describe('as many requests as the limit says run at once, never more, and all of them in the end', () => {
  test.each<[string, Options, number]>([
    ['a user with 1', { user: { concurrency: 1 } }, 1],
    ['a user with 3', { user: { concurrency: 3 } }, 3],
    ['a key with 3', { key: { concurrency: 3 } }, 3],
    ['an account with 3', { accounts: [{ concurrency: 3 }] }, 3],
    [
      'the smallest of all three',
      { user: { concurrency: 4 }, key: { concurrency: 3 }, accounts: [{ concurrency: 2 }] },
      2,
    ],
    [
      'no limit where all are 0',
      { user: { concurrency: 0 }, key: { concurrency: 0 }, accounts: [{ concurrency: 0 }] },
      20,
    ],
  ])('%s', async (_, options = {}, limit) => {
    await using upstream = await startGatedUpstream()
    const accounts = (options.accounts ?? [{}]).map((account) => ({ ...account, baseUrl: upstream.baseUrl }))
    await using world = await startGatewayWorld({ ...options, accounts })
    const asked = Array.from({ length: 20 }, () => world.chat())
    await expect.poll(() => world.gateway.gauges().inFlight, SOON).toBe(20)
    await expect.poll(upstream.maxInFlight, SOON).toBe(limit)
    upstream.open()
    const answers = await Promise.all(asked)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(upstream.maxInFlight()).toBe(limit)
    const rows = await world.ledger()
    expect(rows).toHaveLength(20)
    expect(rows.filter(({ queueMs }) => queueMs > 0).length).toBeGreaterThanOrEqual(20 - limit - 1)
    expect(world.gateway.stats()).toMatchObject({ heldSlots: 0, leaks: 0 })
  })
})

test.each<[string, Options]>([
  ['a user', { user: { concurrency: 1 } }],
  ['a key', { key: { concurrency: 1 } }],
  ['an account', { accounts: [{ concurrency: 1 }] }],
])('who waits for %s is served in the order he came', async (_, options = {}) => {
  await using upstream = await startGatedUpstream()
  const accounts = (options.accounts ?? [{}]).map((account) => ({ ...account, baseUrl: upstream.baseUrl }))
  await using world = await startGatewayWorld({ ...options, accounts })
  const answers: Promise<unknown>[] = []
  for (let n = 0; n < 8; n++) {
    answers.push(world.chat({ user: String(n) }))
    await expect.poll(() => world.gateway.gauges()).toMatchObject({ waiters: n, inFlight: n + 1 })
  }
  upstream.open()
  await Promise.all(answers)
  expect(upstream.requests.map(({ body }) => JSON.parse(body).user)).toEqual([...'01234567'])
})

test('a request that waits only for its key does not hold back the other keys of its user', async () => {
  await using upstream = await startGatedUpstream()
  await using world = await startGatewayWorld({
    user: { concurrency: 2 },
    key: { concurrency: 1 },
    accounts: [{ baseUrl: upstream.baseUrl }],
  })
  const other = await world.addKey()
  const first = world.chat({ user: 'first' })
  await expect.poll(() => upstream.inFlight()).toBe(1)
  const second = world.chat({ user: 'second' })
  await expect.poll(() => world.gateway.gauges().waiters).toBe(1)
  const third = world.chat({ user: 'third' }, { apiKey: other })
  await expect.poll(() => upstream.inFlight()).toBe(2)
  upstream.open()
  await Promise.all([first, second, third])
  expect(upstream.requests.map(({ body }) => JSON.parse(body).user)).toEqual(['first', 'third', 'second'])
})

test('one user who queues does not keep another one waiting', async () => {
  await using upstream = await startGatedUpstream()
  await using world = await startGatewayWorld({ user: { concurrency: 1 }, accounts: [{ baseUrl: upstream.baseUrl }] })
  const [other] = await world.sql<
    { id: number }[]
  >`insert into users (email) values ('other@example.com') returning id::int`
  const key = await world.addKey({ userId: other?.id ?? 0 })
  const mine = [world.chat(), world.chat()]
  await expect.poll(() => world.gateway.gauges().waiters).toBe(1)
  const his = world.chat({ user: 'other' }, { apiKey: key })
  await expect.poll(() => upstream.inFlight()).toBe(2)
  upstream.open()
  await Promise.all([...mine, his])
})

describe('who leaves the queue', () => {
  test.each<[string, Options]>([
    ['of his user', { user: { concurrency: 1 } }],
    ['of an account', { accounts: [{ concurrency: 1 }] }],
  ])('%s gives up his place, asks no upstream and leaves no row', async (_, options = {}) => {
    await using upstream = await startGatedUpstream()
    const accounts = (options.accounts ?? [{}]).map((account) => ({ ...account, baseUrl: upstream.baseUrl }))
    await using world = await startGatewayWorld({ ...options, accounts })
    const first = world.chat({ user: 'first' })
    await expect.poll(() => upstream.inFlight()).toBe(1)
    const leaving = new AbortController()
    const left = world.chat({ user: 'left', stream: true }, { signal: leaving.signal }).catch(() => 'left')
    await expect.poll(() => world.gateway.gauges().waiters).toBe(1)
    const stays = world.chat({ user: 'stays' })
    await expect.poll(() => world.gateway.gauges().waiters).toBe(2)
    leaving.abort()
    expect(await left).toBe('left')
    await expect.poll(() => world.gateway.gauges().waiters).toBe(1)
    upstream.open()
    expect([await first, await stays].map(({ status }) => status)).toEqual([200, 200])
    expect(upstream.requests.map(({ body }) => JSON.parse(body).user)).toEqual(['first', 'stays'])
    expect(await world.ledger()).toHaveLength(2)
    expect(world.outcomes.map(({ outcome }) => outcome).sort()).toEqual(['client_closed', 'completed', 'completed'])
    expect(world.gateway.stats()).toMatchObject({ heldSlots: 0, leaks: 0 })
  })
})

test('the waiting room holds 20 more than the user may run; requests that run do not count', async () => {
  await using upstream = await startGatedUpstream()
  await using world = await startGatewayWorld({ user: { concurrency: 2 }, accounts: [{ baseUrl: upstream.baseUrl }] })
  const served = Array.from({ length: 2 + 22 }, () => world.chat())
  await expect.poll(() => world.gateway.gauges().waiters).toBe(22)
  const refused = await world.chat({ stream: true })
  expect(refused.status).toBe(429)
  expect(errorOf(refused)).toMatchObject({ code: 'queue_full', type: 'rate_limit_error' })
  upstream.answerOne()
  await expect.poll(() => world.gateway.gauges().waiters).toBe(21)
  served.push(world.chat())
  await expect.poll(() => world.gateway.gauges().waiters).toBe(22)
  upstream.open()
  expect(new Set((await Promise.all(served)).map(({ status }) => status))).toEqual(new Set([200]))
})

test("an account's queue holds 100; then the next one's is used, then the request is refused", async () => {
  await using upstream = await startGatedUpstream()
  const account = { concurrency: 1, baseUrl: upstream.baseUrl }
  await using world = await startGatewayWorld({ user: { concurrency: 0 }, accounts: [account, account] })
  const served = Array.from({ length: 2 * 101 }, () => world.chat())
  await expect.poll(() => world.gateway.gauges().waiters, { timeout: 40_000 }).toBe(200)
  expect(errorOf(await world.chat())).toMatchObject({ code: 'account_concurrency_limit' })
  upstream.open()
  const answers = await Promise.all(served)
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  const perAccount = Map.groupBy(await world.ledger(), ({ accountId }) => accountId)
  expect([...perAccount.values()].map((rows) => rows.length)).toEqual([101, 101])
})

test('a group that would rather fail keeps nobody waiting', async () => {
  await using upstream = await startGatedUpstream()
  await using world = await startGatewayWorld({
    group: { onBusy: 'fail' },
    accounts: [{ baseUrl: upstream.baseUrl, concurrency: 1 }],
  })
  const first = world.chat()
  await expect.poll(() => upstream.inFlight()).toBe(1)
  const others = await Promise.all(Array.from({ length: 10 }, () => world.chat()))
  expect(new Set(others.map((answer) => errorOf(answer).code))).toEqual(new Set(['account_concurrency_limit']))
  expect(world.gateway.gauges().waiters).toBe(0)
  upstream.open()
  expect((await first).status).toBe(200)
})

test('the time in a queue is told apart from all other time', async () => {
  await using upstream = await startGatedUpstream()
  await using world = await startGatewayWorld({ user: { concurrency: 1 }, accounts: [{ baseUrl: upstream.baseUrl }] })
  const first = world.chat()
  await expect.poll(() => upstream.inFlight()).toBe(1)
  const second = world.chat()
  await expect.poll(() => world.gateway.gauges().waiters).toBe(1)
  await sleep(QUEUED_MS)
  upstream.open()
  await first
  const { headers } = await second
  expect(Number(headers.get('x-turnpike-queue-ms'))).toBeGreaterThanOrEqual(QUEUED_MS)
  const [, row] = await world.ledger()
  expect(row?.queueMs).toBeGreaterThanOrEqual(QUEUED_MS)
  expect(row?.gatewayMs).toBeLessThan(QUEUED_MS)
  expect(row?.routeMs).toBeLessThan(QUEUED_MS)
})

test('a limit that was raised is used by those who wait already', async () => {
  await using upstream = await startGatedUpstream()
  await using world = await startGatewayWorld({ user: { concurrency: 1 }, accounts: [{ baseUrl: upstream.baseUrl }] })
  const asked = [world.chat(), world.chat(), world.chat()]
  await expect.poll(() => world.gateway.gauges().waiters).toBe(2)
  await world.sql`update users set concurrency = 3`
  await expect
    .poll(() => {
      asked.push(world.chat())
      return upstream.inFlight()
    })
    .toBe(3)
  upstream.open()
  await Promise.all(asked)
})
