import { groups, prices } from '@turnpike/db/schema'
import type { FaultInput } from '@turnpike/sandbox'
import { describe, expect, test } from 'vitest'
import { errorOf, type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { chatAnswer, sendJson, startRawUpstream } from '../support/raw-upstream.ts'
import { readStrictly } from '../support/read-stream.ts'

type Ask = (world: GatewayWorld, body?: object) => Promise<{ status: number; text: string }>

const WAYS: [string, Ask][] = [
  ['chat', (world, body) => world.chat(body)],
  ['a chat stream', (world, body) => world.chat({ stream: true, ...body })],
  ['Responses', (world, body) => world.responses(body)],
  ['a Responses stream', (world, body) => world.responses({ stream: true, ...body })],
]

function saying(directive: string) {
  const text = `Hello [[sandbox: ${directive}]]`
  return { messages: [{ role: 'user', content: text }], input: text }
}

describe.each(WAYS)('the usage of %s', (_, ask) => {
  test("is the upstream's, with all its parts", async () => {
    await using world = await startGatewayWorld()
    await ask(world, saying('words=30 cachedTokens=4 reasoningTokens=7'))
    const [row] = await world.ledger()
    expect(row).toMatchObject({
      outcome: 'completed',
      priceRule: 'usage',
      estimated: false,
      usageInvalid: false,
      cachedInputTokens: 4,
      reasoningTokens: 7,
    })
    expect(row?.inputTokens).toBeGreaterThan(4)
    expect(row?.outputTokens).toBeGreaterThanOrEqual(37)
    expect(row?.upstreamResponseId).toMatch(/^(chatcmpl-|resp_)/)
  })

  test('of zero is zero', async () => {
    await using world = await startGatewayWorld()
    world.setFault({ kind: 'wrong_usage', value: 'zero' })
    await ask(world)
    expect(await world.ledger()).toMatchObject([
      { priceRule: 'usage', estimated: false, usageInvalid: false, inputTokens: 0, outputTokens: 0, billedNano: 0n },
    ])
  })

  test.each<[string, FaultInput, boolean]>([
    ['is not there', { kind: 'missing_usage' }, false],
    ['is negative', { kind: 'wrong_usage', value: 'negative' }, true],
    ['is a string', { kind: 'wrong_usage', value: 'string' }, true],
    ['is NaN', { kind: 'wrong_usage', value: 'nan' }, true],
    ['is beyond all numbers', { kind: 'wrong_usage', value: 'huge' }, true],
    ['is a fraction', { kind: 'wrong_usage', value: 'fraction' }, true],
  ])('that %s is counted by us, close to what it should have been', async (__, fault, usageInvalid) => {
    await using world = await startGatewayWorld()
    const prompt = saying('words=50')
    await ask(world, prompt)
    world.setFault(fault)
    expect((await ask(world, prompt)).status).toBe(200)
    const [given, counted] = await world.ledger()
    expect(counted).toMatchObject({ outcome: 'completed', priceRule: 'delivered', estimated: true, usageInvalid })
    expect(counted?.outputTokens).toBeGreaterThanOrEqual((given?.outputTokens ?? 0) - 1)
    expect(counted?.outputTokens).toBeLessThan((given?.outputTokens ?? 0) * 1.3)
    expect(counted?.inputTokens).toBeGreaterThan(5)
    expect(counted?.billedNano).toBeGreaterThan(0n)
  })

  test('belongs to the name the caller used, which he gets back; the upstream hears its own', async () => {
    await using world = await startGatewayWorld({ accounts: [{ modelMapping: { 'our/größe': 'sandbox-small' } }] })
    const { text } = await ask(world, { model: 'our/größe' })
    expect(text).not.toContain('sandbox-small')
    const names = [...text.matchAll(/"model":("[^"]*")/g)].map(([, name = '']) => JSON.parse(name))
    expect(new Set(names)).toEqual(new Set(['our/größe']))
    expect(JSON.parse(world.sandboxes[0]?.requests[0]?.body ?? '')).toMatchObject({ model: 'sandbox-small' })
    expect(await world.ledger()).toMatchObject([{ model: 'our/größe', upstreamModel: 'sandbox-small' }])
  })
})

describe('a mapping', () => {
  test.each([
    ['by name goes before the rest', { a: 'exact', '*': 'rest' }, null, 'a', 'exact'],
    ['of the rest takes all others', { a: 'exact', '*': 'rest' }, null, 'b', 'rest'],
    ['of the rest to itself changes nothing', { '*': '*' }, null, 'b', 'b'],
    ['leaves a listed model alone', { '*': 'rest' }, ['b'], 'b', 'b'],
    ['goes before the list', { b: 'exact' }, ['b'], 'b', 'exact'],
  ])('%s', async (_, modelMapping, models, asked, heard) => {
    await using upstream = await startRawUpstream((response) => sendJson(response, chatAnswer()))
    await using world = await startGatewayWorld({ accounts: [{ baseUrl: upstream.baseUrl, modelMapping, models }] })
    expect((await world.chat({ model: asked })).status).toBe(200)
    expect(JSON.parse(upstream.requests[0]?.body ?? '')).toMatchObject({ model: heard })
  })

  test('replaces the name of the model only, wherever else it stands', async () => {
    const answer = chatAnswer('model "upstream" says "model":"upstream"', { big: 0, metadata: { model: 'upstream' } })
      .replace('"model":"sandbox-small"', '"model" : "upstream-2025"')
      .replace('"big":0', '"big":9007199254740993')
    await using upstream = await startRawUpstream((response) => sendJson(response, answer))
    await using world = await startGatewayWorld({
      accounts: [{ baseUrl: upstream.baseUrl, modelMapping: { mine: 'upstream' } }],
    })
    expect((await world.chat({ model: 'mine' })).text).toBe(answer.replace('"upstream-2025"', '"mine"'))
  })
})

test.each<[string, object, number]>([
  ['not asked for is kept back, its empty members are not', {}, 0],
  ['asked for is passed on', { stream_options: { include_usage: true } }, 1],
  ['declined is kept back', { stream_options: { include_usage: false } }, 0],
])('a usage chunk that was %s', async (_, options, chunks) => {
  await using world = await startGatewayWorld()
  const { text } = await world.chat({ stream: true, ...options })
  const { events } = readStrictly(text, 'chat')
  const usages = events.slice(0, -1).map((event) => JSON.parse(event).usage)
  expect(usages.filter((usage) => usage === null)).toHaveLength(usages.length - chunks)
  expect(usages.filter((usage) => usage !== null)).toHaveLength(chunks)
  expect(await world.ledger()).toMatchObject([{ priceRule: 'usage', estimated: false }])
})

describe('what a request costs', () => {
  const usage = { prompt_tokens: 1_000, completion_tokens: 500, prompt_tokens_details: { cached_tokens: 400 } }
  const validFrom = new Date(0)

  async function priced(change: (world: GatewayWorld) => Promise<unknown>) {
    await using upstream = await startRawUpstream((response) => sendJson(response, chatAnswer('Hi', { usage })))
    await using world = await startGatewayWorld({
      accounts: [{ baseUrl: upstream.baseUrl, provider: 'openai-compatible', protocol: 'chat' }],
    })
    await change(world)
    await world.gateway.reload()
    expect((await world.chat({ model: 'nobody-knows' })).status).toBe(200)
    const [row] = await world.ledger()
    return row
  }

  const OVERRIDE = { model: 'nobody-knows', inputNano: 2_000_000_000n, cachedInputNano: 500_000_000n, validFrom }

  test('is known by the price of its model, times the multiplier of the group', async () => {
    const row = await priced(async ({ db }) => {
      await db.insert(prices).values({ ...OVERRIDE, outputNano: 8_000_001_000n })
      await db.update(groups).set({ rateMultiplierE4: 15_000 })
    })
    // 600 × 2,000 + 400 × 500 + 500 × 8,000.001 = 5,400,000.5
    expect(row).toMatchObject({ costNano: 5_400_001n, billedNano: 8_100_001n, rateMultiplierE4: 15_000 })
  })

  test('is unknown where the model has no price: not zero, and nobody is refused', async () => {
    expect(await priced(async () => {})).toMatchObject({ costNano: null, billedNano: 0n, priceRule: 'usage' })
  })

  test('is not known by a price of the future', async () => {
    const row = await priced(({ db }) =>
      db.insert(prices).values({ ...OVERRIDE, outputNano: 1n, validFrom: new Date(Date.now() + 60_000) }),
    )
    expect(row).toMatchObject({ costNano: null })
  })

  test('is told to its key', async () => {
    await using world = await startGatewayWorld()
    await world.chat()
    const [row] = await world.ledger()
    const { status, text } = await world.request('/v1/usage', { method: 'GET' })
    expect(status).toBe(200)
    const told = JSON.parse(text)
    expect(told).toMatchObject({ object: 'usage', requests: 1, limits: { day: null, month: null, total: null } })
    expect(Number(told.spent.total)).toBeCloseTo(Number(row?.billedNano) / 1e9, 9)
  })

  test('cannot be told while the ledger is out of reach', async () => {
    await using world = await startGatewayWorld()
    expect((await world.chat()).status).toBe(200)
    await world.sql`alter table usage_logs rename to elsewhere`
    const answer = await world.request('/v1/usage', { method: 'GET' })
    expect([answer.status, errorOf(answer)]).toMatchObject([503, { code: 'ledger_unavailable', type: 'api_error' }])
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    await world.sql`alter table elsewhere rename to usage_logs`
  })
})
