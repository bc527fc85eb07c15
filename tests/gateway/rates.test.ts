import { describe, expect, test } from 'vitest'
import { systemClock } from '../../apps/server/src/shared/system-clock.ts'
import { type Answered, errorOf, type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { waitFor } from '../support/wait-for.ts'

const RESET = /^(\d+ms|\d+(\.\d+)?s|\d+m\d+(\.\d+)?s)$/

type Options = NonNullable<Parameters<typeof startGatewayWorld>[0]>

/** A world in which a minute passes when the test says so. */
async function worldOfMinutes(options: Options) {
  let passedMs = 0
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + passedMs }
  const world = await startGatewayWorld({ ...options, clock })
  return Object.assign(world, {
    passMinute() {
      passedMs += 60_000
    },
  })
}

function rateOf({ headers }: Answered, of: 'requests' | 'tokens') {
  const told = ['limit', 'remaining', 'reset'].map((name) => headers.get(`x-ratelimit-${name}-${of}`))
  const [limit = null, remaining = null, reset = null] = told
  return limit === null ? null : { limit: Number(limit), remaining: Number(remaining), reset }
}

function listModels(world: GatewayWorld, apiKey = world.key): Promise<Answered> {
  return world.request('/v1/models', { method: 'GET', apiKey })
}

describe('requests per minute', () => {
  test('of a key: so many pass, the next is told when, and passes then', async () => {
    await using world = await worldOfMinutes({ key: { requestsPerMinute: 2 } })
    expect(rateOf(await world.chat(), 'requests')).toMatchObject({ limit: 2, remaining: 1 })
    expect(rateOf(await world.responses({ stream: true }), 'requests')).toMatchObject({ limit: 2, remaining: 0 })
    const refused = await world.chat()
    expect(refused.status).toBe(429)
    expect(errorOf(refused)).toEqual({
      message: 'Rate limit reached, please retry later',
      type: 'rate_limit_error',
      param: null,
      code: 'requests_per_minute',
    })
    expect(refused.headers.get('x-should-retry')).toBe('true')
    const retryAfterMs = Number(refused.headers.get('retry-after-ms'))
    expect(retryAfterMs).toBeGreaterThan(40_000)
    expect(retryAfterMs).toBeLessThanOrEqual(60_000)
    expect(Number(refused.headers.get('retry-after'))).toBe(Math.ceil(retryAfterMs / 1000))
    expect(rateOf(refused, 'requests')).toMatchObject({ limit: 2, remaining: 0 })
    expect(world.sandboxes[0]?.requests).toHaveLength(2)
    world.passMinute()
    expect((await world.chat()).status).toBe(200)
    expect(await world.ledger()).toHaveLength(3)
  })

  test('of a group are shared by all its keys, and exact when all ask at once', async () => {
    await using world = await startGatewayWorld({ group: { requestsPerMinute: 10 } })
    const keys = [world.key, await world.addKey(), await world.addKey({ requestsPerMinute: 100 })]
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) => world.chat({}, { apiKey: keys[n % 3] ?? '' })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10)
    const refused = answers.filter(({ status }) => status === 429)
    expect(new Set(refused.map((answer) => errorOf(answer).code))).toEqual(new Set(['requests_per_minute']))
    expect(refused.map((answer) => rateOf(answer, 'requests')?.limit)).toEqual(refused.map(() => 10))
  })

  test('count nobody who was refused: not by a rate, the body, the model, the room, or for want of an account', async () => {
    await using world = await startGatewayWorld({
      key: { requestsPerMinute: 5 },
      user: { concurrency: 1 },
      group: { onBusy: 'fail' },
      accounts: [{ models: ['sandbox-small'] }],
    })
    const remaining = async () => rateOf(await listModels(world), 'requests')?.remaining
    await world.request('/v1/chat/completions', { body: '[]' })
    await world.chat({ model: 'unknown' })
    expect(await remaining()).toBe(5)
    const first = world.chat({ messages: [{ role: 'user', content: '[[sandbox: firstByteMs=2000]]' }] })
    await waitFor('the first to run', () => world.sandboxes[0]?.status().inFlight === 1, 5_000)
    const busy = await world.chat()
    expect(errorOf(busy).code).toBe('user_concurrency_limit')
    expect(rateOf(busy, 'requests')).toMatchObject({ limit: 5, remaining: 4 })
    expect((await first).status).toBe(200)
    await world.sql`update accounts set schedulable = false`
    await world.gateway.reload()
    const none = await world.chat()
    expect(errorOf(none).code).toBe('no_available_accounts')
    expect(rateOf(none, 'requests')).toMatchObject({ limit: 5, remaining: 4 })
    expect(await remaining()).toBe(4)
  })
})

describe('tokens per minute', () => {
  test('are estimated at first and corrected by what the upstream counted', async () => {
    await using world = await startGatewayWorld({ key: { tokensPerMinute: 1_000 } })
    const content = '[[sandbox: firstByteMs=2000 text=short]]'
    const running = world.chat({ max_tokens: 900, messages: [{ role: 'user', content }] })
    await waitFor('the first to run', () => world.sandboxes[0]?.status().inFlight === 1, 5_000)
    const refused = await world.chat({ max_tokens: 900 })
    expect(errorOf(refused)).toMatchObject({ code: 'tokens_per_minute', type: 'rate_limit_error' })
    expect(refused.status).toBe(429)
    expect(rateOf(refused, 'tokens')?.remaining).toBeLessThan(100)
    expect((await running).status).toBe(200)
    const [row] = await world.ledger()
    const took = (row?.inputTokens ?? 0) + (row?.outputTokens ?? 0)
    expect(took).toBeGreaterThan(0)
    expect(rateOf(await listModels(world), 'tokens')).toMatchObject({ limit: 1_000, remaining: 1_000 - took })
    expect((await world.chat({ max_tokens: 800 })).status).toBe(200)
  })

  test('let a request that states no maximum pass when the minute before it was empty', async () => {
    await using world = await startGatewayWorld({ group: { tokensPerMinute: 200 } })
    const first = await world.chat()
    expect(first.status).toBe(200)
    expect(rateOf(first, 'tokens')).toMatchObject({ limit: 200, remaining: 0 })
    expect(errorOf(await world.chat()).code).toBe('tokens_per_minute')
  })

  test('refuse what is larger than the limit by its own word', async () => {
    await using world = await startGatewayWorld({ key: { tokensPerMinute: 200 } })
    const refused = await world.chat({ max_tokens: 200 })
    expect(errorOf(refused).code).toBe('tokens_per_minute')
    expect(refused.headers.get('retry-after-ms')).toBe('60000')
    expect(rateOf(refused, 'tokens')).toEqual({ limit: 200, remaining: 200, reset: '0s' })
  })
})

describe('every answer to a key with rates tells them', () => {
  const rated = { key: { requestsPerMinute: 100, tokensPerMinute: 1_000_000 } }

  test.each<[string, Options, (world: GatewayWorld) => Promise<Answered>, number]>([
    ['JSON', {}, (w) => w.chat(), 200],
    ['a stream', {}, (w) => w.chat({ stream: true }), 200],
    ['a Responses stream', {}, (w) => w.responses({ stream: true }), 200],
    [
      'a stream that a sign of life opened',
      { keepAliveMs: 50 },
      (w) => w.chat({ stream: true, messages: [{ role: 'user', content: '[[sandbox: firstByteMs=200]]' }] }),
      200,
    ],
    ['the models', {}, (w) => listModels(w), 200],
    ['one model', {}, (w) => w.request('/v1/models/unknown', { method: 'GET' }), 404],
    ['the usage', {}, (w) => w.request('/v1/usage', { method: 'GET' }), 200],
    ['a refused body', {}, (w) => w.request('/v1/responses', { body: '[]' }), 400],
    ['an unknown model', { key: { ...rated.key, models: ['other'] } }, (w) => w.chat(), 404],
    ['a disabled account', { accounts: [{ status: 'disabled' }] }, (w) => w.chat(), 503],
    ['a mistake told by the upstream', {}, (w) => w.chat({ messages: 5 }), 400],
    ['an upstream that failed', {}, (w) => w.chat({ model: 'sandbox-small?fault=cut' }), 502],
  ])('%s', async (_, options, ask, status) => {
    await using world = await startGatewayWorld({ ...rated, ...options })
    const answer = await ask(world)
    expect(answer.status).toBe(status)
    const requests = rateOf(answer, 'requests')
    const tokens = rateOf(answer, 'tokens')
    expect([requests?.limit, tokens?.limit]).toEqual([100, 1_000_000])
    expect(requests?.remaining).toBeGreaterThanOrEqual(99)
    expect(tokens?.remaining).toBeLessThanOrEqual(1_000_000)
    for (const reset of [requests?.reset, tokens?.reset]) expect(reset).toMatch(RESET)
  })

  test('the tighter of key and group, and of the upstream nothing', async () => {
    await using world = await startGatewayWorld({ key: { requestsPerMinute: 5 }, group: { requestsPerMinute: 3 } })
    const other = await world.addKey({ requestsPerMinute: 2 })
    expect(rateOf(await world.chat(), 'requests')).toMatchObject({ limit: 3, remaining: 2 })
    const answer = await world.chat({}, { apiKey: other })
    expect(rateOf(answer, 'requests')).toMatchObject({ limit: 2, remaining: 1 })
    expect(rateOf(answer, 'tokens')).toBeNull()
  })

  test('to a key without rates nothing is told', async () => {
    await using world = await startGatewayWorld()
    const answers = [await world.chat(), await listModels(world), await world.chat({ model: 'unknown' })]
    const told = answers.flatMap(({ headers }) => [...headers.keys()].filter((name) => name.startsWith('x-ratelimit')))
    expect(told).toEqual([])
  })
})

test('a limit changed in the database is in force within a second, with what was counted before', async () => {
  await using world = await startGatewayWorld({ key: { requestsPerMinute: 100 } })
  for (let n = 0; n < 3; n++) expect((await world.chat()).status).toBe(200)
  await world.sql`update api_keys set requests_per_minute = 2`
  const remaining = async () => rateOf(await listModels(world), 'requests')
  await expect.poll(remaining, { timeout: 20_000, interval: 20 }).toMatchObject({ limit: 2, remaining: 0 })
  expect(errorOf(await world.chat()).code).toBe('requests_per_minute')
})
