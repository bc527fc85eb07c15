import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { startGatewayWorld } from '../support/gateway-world.ts'
import { chatAnswer, sendJson, startRawUpstream } from '../support/raw-upstream.ts'
import { readStrictly } from '../support/read-stream.ts'
import { waitFor } from '../support/wait-for.ts'

const KEEP_ALIVE_MS = 60
/** So long that a machine which stands still for a moment comes to two signs of life in it. */
const SLOW_MS = 1_000

/** For either protocol: both read their prompt from one of these. */
function saying(prompt: string) {
  return { stream: true, messages: [{ role: 'user', content: prompt }], input: prompt }
}

describe.concurrent.each(['chat', 'responses'] as const)('a silent %s stream', (protocol) => {
  test('gets signs of life before its first event, and all of its events', async () => {
    await using world = await startGatewayWorld({ keepAliveMs: KEEP_ALIVE_MS })
    const answer = await world[protocol](saying(`[[sandbox: firstByteMs=${SLOW_MS} text=whole]]`))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(answer.text).toMatch(/^: ping\n: ping\n(: ping\n)*(event|data): /)
    expect(readStrictly(answer.text, protocol)).toMatchObject({ end: 'done', text: 'whole' })
    expect(await world.ledger()).toMatchObject([{ outcome: 'completed', status: 200 }])
  })

  test('gets them between events, with one newline and nothing else', async () => {
    await using world = await startGatewayWorld({ keepAliveMs: KEEP_ALIVE_MS })
    const { text } = await world[protocol](saying(`[[sandbox: text="a b" events=2 eventMs=${SLOW_MS}]]`))
    const read = readStrictly(text, protocol)
    expect(read).toMatchObject({ end: 'done', text: 'a b' })
    expect(read.pings).toBeGreaterThanOrEqual(2 * (read.events.length - 1))
    expect(text.replaceAll(': ping\n', '')).not.toContain('\n\n\n')
  })

  test('is told in an event what would have been a status', async () => {
    await using world = await startGatewayWorld({ keepAliveMs: KEEP_ALIVE_MS })
    const answer = await world[protocol](saying(`[[sandbox: firstByteMs=${SLOW_MS} fault=status status=500]]`))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-should-retry')).toBeNull()
    const read = readStrictly(answer.text, protocol)
    expect(read).toMatchObject({ end: 'error', code: 'upstream_unavailable' })
    expect(read.events).toHaveLength(1)
    const requestId = answer.headers.get('x-request-id')
    const message = 'Upstream service temporarily unavailable'
    expect(JSON.parse(read.events[0] ?? '')).toEqual(
      protocol === 'chat'
        ? { error: { message, type: 'upstream_error', param: null, code: 'upstream_unavailable' } }
        : {
            type: 'response.failed',
            sequence_number: 0,
            response: {
              id: `resp_${requestId}`,
              object: 'response',
              status: 'failed',
              error: { code: 'upstream_unavailable', message },
              output: [],
            },
          },
    )
    expect(await world.ledger()).toMatchObject([
      { requestId, outcome: 'exhausted', status: 502, errorCode: 'upstream_unavailable' },
    ])
  })

  test("is told in an event the upstream's own refusal", async () => {
    await using world = await startGatewayWorld({ keepAliveMs: KEEP_ALIVE_MS })
    const fault = 'fault=status status=400 code=context_length_exceeded message=Long'
    const answer = await world[protocol](saying(`[[sandbox: firstByteMs=${SLOW_MS} ${fault}]]`))
    expect(readStrictly(answer.text, protocol)).toMatchObject({ end: 'error', code: 'context_length_exceeded' })
    expect(await world.ledger()).toMatchObject([{ outcome: 'rejected_upstream', status: 400 }])
  })

  test('gets them while it queues', async () => {
    await using world = await startGatewayWorld({ keepAliveMs: KEEP_ALIVE_MS, user: { concurrency: 1 } })
    const first = world.chat({ messages: [{ role: 'user', content: `[[sandbox: firstByteMs=${SLOW_MS}]]` }] })
    await waitFor('the first to run', () => world.sandboxes[0]?.status().inFlight === 1, 5_000)
    const { text } = await world[protocol](saying('[[sandbox: text=whole]]'))
    expect(text).toMatch(/^: ping\n/)
    expect(readStrictly(text, protocol)).toMatchObject({ end: 'done', text: 'whole' })
    await first
  })

  test('may turn out to be whole at once', async () => {
    const whole =
      protocol === 'chat' ? chatAnswer() : '{"id":"resp_1","object":"response","status":"completed","output":[]}'
    await using upstream = await startRawUpstream(
      (response) => void setTimeout(() => sendJson(response, whole), SLOW_MS),
    )
    await using world = await startGatewayWorld({
      keepAliveMs: KEEP_ALIVE_MS,
      accounts: [{ baseUrl: upstream.baseUrl }],
    })
    const read = readStrictly((await world[protocol](saying('Hello'))).text, protocol)
    expect(read.end).toBe('done')
    const [event = ''] = read.events
    const told = protocol === 'chat' ? JSON.parse(event) : JSON.parse(event).response
    expect(told).toEqual(JSON.parse(whole))
  })
})

test('an answer that is no stream gets none, however long it takes', async () => {
  await using world = await startGatewayWorld({ keepAliveMs: KEEP_ALIVE_MS })
  const content = `[[sandbox: firstByteMs=${SLOW_MS} fault=status status=500]]`
  const answer = await world.chat({ messages: [{ role: 'user', content }] })
  expect(answer.status).toBe(502)
  expect(JSON.parse(answer.text)).toHaveProperty('error')
})

test('a stream that speaks in time gets none', async () => {
  await using world = await startGatewayWorld({ keepAliveMs: 2_000 })
  const { text } = await world.chat(saying('[[sandbox: events=10 eventMs=300]]'))
  expect(readStrictly(text, 'chat')).toMatchObject({ end: 'done', pings: 0 })
})

test('the official client reads on through them', async () => {
  await using world = await startGatewayWorld({ keepAliveMs: KEEP_ALIVE_MS })
  const client = new OpenAI({ apiKey: world.key, baseURL: `${world.origin}/v1`, maxRetries: 0 })
  const prompt = `[[sandbox: text="a b" events=2 firstByteMs=${SLOW_MS} eventMs=${SLOW_MS}]]`
  const model = 'sandbox-small'
  let text = ''
  const chunks = await client.chat.completions.create({
    model,
    stream: true,
    messages: [{ role: 'user', content: prompt }],
  })
  for await (const chunk of chunks) text += chunk.choices[0]?.delta.content ?? ''
  expect(text).toBe('a b')
  const failing = `[[sandbox: firstByteMs=${SLOW_MS} fault=status status=500]]`
  const broken = await client.chat.completions.create({
    model,
    stream: true,
    messages: [{ role: 'user', content: failing }],
  })
  async function readOn(): Promise<void> {
    for await (const chunk of broken) expect(chunk).toBeUndefined()
  }
  await expect(readOn()).rejects.toThrow('Upstream service temporarily unavailable')
})
