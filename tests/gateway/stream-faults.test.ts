import { request } from 'undici'
import { beforeAll, describe, expect, test } from 'vitest'
import { type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { readStrictly } from '../support/read-stream.ts'

type Fault = Parameters<GatewayWorld['setFault']>[0]

const WHOLE = 'Hello from the sandbox! You wrote: “Hello” – and every word of it arrived safely.'
const TIMEOUTS = { firstByteTimeoutMs: 1_000, idleTimeoutMs: 600 }

beforeAll(async () => {
  // The tokenizers of gateway and sandbox take their time once.
  await using world = await startGatewayWorld()
  await world.chat()
})

describe.each(['chat', 'responses'] as const)('a %s stream', (protocol) => {
  test.each<[string, Fault, string, string]>([
    ['cut by FIN', { kind: 'cut', afterEvents: 6 }, 'upstream_invalid_response', 'upstream_cut'],
    ['cut by RST', { kind: 'cut', afterEvents: 6, how: 'rst' }, 'upstream_invalid_response', 'upstream_cut'],
    ['cut inside an event', { kind: 'cut', afterBytes: 3_001 }, 'upstream_invalid_response', 'upstream_cut'],
    ['silent', { kind: 'stall', afterEvents: 6 }, 'upstream_stalled', 'upstream_stalled'],
    [
      'silent but for pings',
      { kind: 'stall', afterEvents: 6, pingEveryMs: 100 },
      'upstream_stalled',
      'upstream_stalled',
    ],
    ['that has a line of 10 MB', { kind: 'huge_line', afterEvents: 6 }, 'upstream_too_large', 'failed'],
    ['that fails on its way', { kind: 'error_event', afterEvents: 6 }, 'server_error', 'failed'],
    [
      'that ends without a word',
      { kind: 'no_terminal', missingEvents: 4 },
      'upstream_invalid_response',
      'upstream_cut',
    ],
  ])('%s ends with one error event, and what came before stands', async (_, fault, code, outcome) => {
    await using world = await startGatewayWorld({ group: TIMEOUTS })
    world.setFault(fault)
    const answer = await world[protocol]({ stream: true })
    expect(answer.status).toBe(200)
    const read = readStrictly(answer.text, protocol)
    expect(read).toMatchObject({ end: 'error', code })
    expect(WHOLE.startsWith(read.text)).toBe(true)
    const [row, ...more] = await world.ledger()
    expect(more).toEqual([])
    expect(row).toMatchObject({ outcome, estimated: true })
    await expectNothingHeld(world)
  })

  test.each<[string, Fault]>([
    ['bytes that come one by one', { kind: 'split', bytes: 1 }],
    ['interim answers', { kind: 'informational', count: 3 }],
    ['members that are repeated', { kind: 'duplicate_keys' }],
    ['a content type that lies', { kind: 'content_type', value: 'text/plain' }],
  ])('is whole in spite of %s', async (_, fault) => {
    await using world = await startGatewayWorld({ group: TIMEOUTS })
    world.setFault(fault)
    const read = readStrictly((await world[protocol]({ stream: true })).text, protocol)
    expect(read).toMatchObject({ end: 'done', text: WHOLE })
    expect(await world.ledger()).toMatchObject([{ outcome: 'completed', priceRule: 'usage', estimated: false }])
  })

  test.each<[string, Fault]>([
    ['an error as first event', { kind: 'error_event', code: 'rate_limit_exceeded' }],
    ['overload as first event', { kind: 'error_event', code: 'server_is_overloaded' }],
    ['a used-up quota as first event', { kind: 'error_event', code: 'insufficient_quota' }],
    ['no first byte', { kind: 'no_answer' }],
    ['headers and then nothing', { kind: 'headers_only' }],
    ['headers and then pings', { kind: 'headers_only', pingEveryMs: 100 }],
    ['a cut before headers', { kind: 'cut' }],
    ['a bomb of headers', { kind: 'header_bomb' }],
  ])('is taken over by another account after %s', async (_, fault) => {
    await using world = await startGatewayWorld({ accounts: [{ priority: 1 }, { priority: 2 }], group: TIMEOUTS })
    world.setFault(fault, 0)
    const answer = await world[protocol]({ stream: true })
    expect(readStrictly(answer.text, protocol)).toMatchObject({ end: 'done', text: WHOLE })
    expect(answer.headers.get('x-turnpike-attempts')).toBe('2')
    expect(await world.ledger()).toMatchObject([{ outcome: 'completed', accountId: world.accountIds[1] }])
    await expectNothingHeld(world)
  })

  test('is never started again once something of it was told', async () => {
    await using world = await startGatewayWorld({ accounts: [{ priority: 1 }, { priority: 2 }], group: TIMEOUTS })
    world.setFault({ kind: 'cut', afterEvents: 6 }, 0)
    expect(readStrictly((await world[protocol]({ stream: true })).text, protocol)).toMatchObject({ end: 'error' })
    expect(world.sandboxes[1]?.requests).toEqual([])
  })

  test('is priced by its usage, its own model name on it, whatever the account calls the model', async () => {
    const modelMapping = { 'mäpped-模型': 'sandbox-small' }
    await using world = await startGatewayWorld({ accounts: [{ modelMapping }] })
    const answer = await world[protocol]({ model: 'mäpped-模型', stream: true })
    expect(readStrictly(answer.text, protocol)).toMatchObject({ end: 'done', text: WHOLE })
    expect(answer.text).not.toContain('sandbox-small')
    expect(JSON.parse(JSON.stringify(answer.text))).toContain(protocol === 'chat' ? '"usage":null' : '"usage"')
    const [row] = await world.ledger()
    expect(row).toMatchObject({ model: 'mäpped-模型', upstreamModel: 'sandbox-small', priceRule: 'usage' })
    expect(row?.costNano).toBeGreaterThan(0n)
  })

  test.each([
    ['missing', { kind: 'missing_usage' } as const, false],
    ['negative', { kind: 'wrong_usage', value: 'negative' } as const, true],
    ['a string', { kind: 'wrong_usage', value: 'string' } as const, true],
  ])('whose usage is %s is counted by us, and says so', async (_, fault, usageInvalid) => {
    await using world = await startGatewayWorld()
    world.setFault(fault)
    expect(readStrictly((await world[protocol]({ stream: true })).text, protocol)).toMatchObject({ end: 'done' })
    const [row] = await world.ledger()
    expect(row).toMatchObject({ estimated: true, usageInvalid, priceRule: 'delivered', outcome: 'completed' })
    expect(row?.outputTokens).toBeGreaterThan(10)
  })
})

test('the usage chunk goes to who asked for it and to nobody else', async () => {
  await using world = await startGatewayWorld()
  const plain = readStrictly((await world.chat({ stream: true })).text, 'chat')
  const asked = readStrictly((await world.chat({ stream: true, stream_options: { include_usage: true } })).text, 'chat')
  expect(asked.events).toHaveLength(plain.events.length + 1)
  expect(JSON.parse(asked.events.at(-2) ?? '')).toMatchObject({ choices: [], usage: { prompt_tokens: 7 } })
  expect(world.sandboxes[0]?.requests.length).toBe(2)
})

test('a request arrives byte for byte as it was sent, numbers beyond 2^53 too', async () => {
  await using world = await startGatewayWorld()
  const body =
    '{ "model" : "sandbox-small","messages":[{"role":"user","content":"\\u00e9 9007199254740993"}], "x": 9007199254740993 }'
  expect((await world.request('/v1/chat/completions', { body })).status).toBe(200)
  expect(world.sandboxes[0]?.requests[0]?.body).toBe(body)
})

const LEAVERS = Number(process.env.SOAK_LEAVERS ?? 200)

test(`${LEAVERS} clients that leave at a random byte: one row each, nothing held, upstream calls ended`, async () => {
  await using world = await startGatewayWorld({ group: { maxAccountSwitches: 0 } })
  const content = '[[sandbox: events=40 eventMs=4]]'
  const body = JSON.stringify({ model: 'sandbox-small', stream: true, messages: [{ role: 'user', content }] })
  async function leaveAfter(bytes: number): Promise<void> {
    const leaving = new AbortController()
    try {
      const { body: stream } = await request(`${world.origin}/v1/chat/completions`, {
        method: 'POST',
        body,
        headers: { authorization: `Bearer ${world.key}` },
        signal: leaving.signal,
      })
      let seen = 0
      for await (const chunk of stream) {
        seen += chunk.length
        if (seen > bytes) leaving.abort()
      }
    } catch (error) {
      expect(leaving.signal.aborted).toBe(true)
      expect(error).toBeInstanceOf(Error)
    }
  }
  const random = seeded(7)
  for (let left = LEAVERS; left > 0; left -= 20) {
    await Promise.all(Array.from({ length: Math.min(20, left) }, () => leaveAfter(Math.floor(random() * 9_000))))
  }
  const rows = await world.ledger()
  expect(rows).toHaveLength(LEAVERS)
  expect(new Set(rows.map(({ outcome }) => outcome))).toEqual(new Set(['client_closed']))
  expect(rows.every(({ status, estimated }) => status === 499 && estimated)).toBe(true)
  await expectNothingHeld(world)
})

test('a client that leaves before the first word cancels its upstream call and pays nothing', async () => {
  await using world = await startGatewayWorld()
  const leaving = new AbortController()
  const asked = world.chat(
    { messages: [{ role: 'user', content: '[[sandbox: firstByteMs=60000]]' }] },
    { signal: leaving.signal },
  )
  await expect.poll(() => world.sandboxes[0]?.status().inFlight).toBe(1)
  leaving.abort()
  await expect(asked).rejects.toThrow()
  expect(await world.ledger()).toMatchObject([
    { outcome: 'client_closed', status: 499, billedNano: 0n, outputTokens: 0 },
  ])
  await expectNothingHeld(world)
})

test('a group that drains reads on for the usage after its client left', async () => {
  await using world = await startGatewayWorld({ group: { onDisconnect: 'drain' } })
  const leaving = new AbortController()
  const response = await fetch(`${world.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.key}` },
    body: JSON.stringify({
      model: 'sandbox-small',
      stream: true,
      messages: [{ role: 'user', content: '[[sandbox: events=20 eventMs=20]]' }],
    }),
    signal: leaving.signal,
  })
  await response.body?.getReader().read()
  leaving.abort()
  await expect.poll(() => world.gateway.stats().heldSlots).toBe(0)
  expect(await world.ledger()).toMatchObject([
    { outcome: 'client_closed', priceRule: 'usage', estimated: false, outputTokens: 23 },
  ])
})

async function expectNothingHeld(world: GatewayWorld): Promise<void> {
  expect(world.gateway.stats()).toMatchObject({ heldSlots: 0, leaks: 0 })
  for (const sandbox of world.sandboxes) await expect.poll(() => sandbox.status().inFlight, { timeout: 5_000 }).toBe(0)
}

/** A sequence that is the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
