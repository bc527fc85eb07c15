import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createSandbox, type Sandbox } from './sandbox.ts'
import { CHAT, CHAT_STREAM, createStrike, events } from './testing/strike.ts'

let sandbox: Sandbox
const struck = createStrike(() => sandbox)

beforeAll(async () => {
  sandbox = await createSandbox()
})
afterEach(() => sandbox.clearFaults())
afterAll(() => sandbox.close())

describe('silence', () => {
  test('slow_first_byte answers well, later', async () => {
    const startedAt = performance.now()
    const answer = await struck({ kind: 'slow_first_byte', ms: 80 }, CHAT)
    expect(performance.now() - startedAt).toBeGreaterThan(75)
    expect(JSON.parse(answer.text).object).toBe('chat.completion')
  })

  test('no_answer sends nothing and keeps the connection', async () => {
    const answer = await struck({ kind: 'no_answer' }, CHAT, undefined, 1_000)
    expect(answer.reads).toHaveLength(0)
    expect(answer.ending).toBe('still open')
  })

  test.each([
    ['JSON', CHAT],
    ['a stream', CHAT_STREAM],
  ])('headers_only sends headers and nothing more: %s', async (_, body) => {
    const answer = await struck({ kind: 'headers_only' }, body, undefined, 1_000)
    expect(answer.status).toBe(200)
    expect(answer.data).toHaveLength(0)
    expect(answer.ending).toBe('still open')
  })

  test('stall keeps the connection after some events', async () => {
    const answer = await struck({ kind: 'stall', afterEvents: 3 }, CHAT_STREAM, undefined, 1_000)
    expect(events(answer.text)).toHaveLength(3)
    expect(answer.ending).toBe('still open')
  })

  test('stall can send keep-alives, which are comments between events', async () => {
    const answer = await struck({ kind: 'stall', afterEvents: 1, pingEveryMs: 20 }, CHAT_STREAM, undefined, 1_500)
    const [first, ...pings] = events(answer.text)
    expect(first).toMatch(/^data: /)
    expect(pings.length).toBeGreaterThan(2)
    expect(new Set(pings)).toEqual(new Set([': ping']))
  })

  test('a client that leaves ends the silence', async () => {
    await struck({ kind: 'no_answer' }, CHAT, undefined, 500)
    await expect.poll(() => [sandbox.status().inFlight, sandbox.connections()]).toEqual([0, 0])
    expect(sandbox.requests.at(-1)).toMatchObject({ fault: 'no_answer', status: null, ending: 'client_left' })
  })
})

describe('cut', () => {
  test.each(['fin', 'rst'] as const)('before the headers, by %s', async (how) => {
    const answer = await struck({ kind: 'cut', how }, CHAT)
    expect(answer.reads).toHaveLength(0)
    expect(answer.ending).toBe(how)
    await expect.poll(() => sandbox.requests.at(-1)?.ending).toBe('cut')
  })

  test.each(['fin', 'rst'] as const)('after an event, by %s, without the final chunk', async (how) => {
    const answer = await struck({ kind: 'cut', how, afterEvents: 2 }, CHAT_STREAM)
    expect(events(answer.text)).toHaveLength(2)
    expect(answer.isComplete).toBe(false)
    expect(answer.ending).toBe(how)
  })

  test('at every byte of a stream, exactly there', async () => {
    const whole = await struck({ kind: 'split', bytes: 65_536 }, CHAT_STREAM)
    sandbox.clearFaults()
    for (const afterBytes of [0, 1, 50, 501, whole.data.length - 1, whole.data.length]) {
      const answer = await struck({ kind: 'cut', afterBytes, times: 1 }, CHAT_STREAM)
      expect(answer.data).toHaveLength(afterBytes)
      expect(answer.isComplete).toBe(false)
    }
  })

  test('of a JSON body, whose length was announced whole', async () => {
    const answer = await struck({ kind: 'cut', afterBytes: 20 }, CHAT)
    expect(answer.rest).toHaveLength(20)
    expect(Number(/content-length: (\d+)/.exec(answer.head)?.[1])).toBeGreaterThan(100)
    expect(answer.ending).toBe('fin')
  })
})
