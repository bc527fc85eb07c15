import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createSandbox, type Sandbox } from './sandbox.ts'
import { rawRequest } from './testing/raw-request.ts'
import { CHAT, CHAT_STREAM, createStrike, dataOf, events, RESPONSES_STREAM } from './testing/strike.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')

let sandbox: Sandbox
const struck = createStrike(() => sandbox)

beforeAll(async () => {
  sandbox = await createSandbox({ clock: { now: () => NOW } })
})
afterEach(() => sandbox.clearFaults())
afterAll(() => sandbox.close())

describe('status', () => {
  test('carries the hints it was given, and no others', async () => {
    const plain = await struck({ kind: 'status', status: 429 }, CHAT)
    expect(plain.status).toBe(429)
    expect(plain.head).not.toMatch(/retry-after|x-ratelimit/i)
    expect(JSON.parse(plain.text)).toEqual({
      error: { message: expect.any(String), type: 'rate_limit_error', param: null, code: null },
    })
    sandbox.clearFaults()
    const hinted = await struck(
      { kind: 'status', status: 429, retryAfter: 7, retryAfterMs: 6500, resetRequests: '1.5s', resetTokens: '6m0s' },
      CHAT,
    )
    expect(hinted.head).toMatch(/retry-after: 7\r\n/)
    expect(hinted.head).toMatch(/retry-after-ms: 6500\r\n/)
    expect(hinted.head).toMatch(/x-ratelimit-reset-requests: 1\.5s\r\n/)
    expect(hinted.head).toMatch(/x-ratelimit-reset-tokens: 6m0s\r\n/)
  })

  test('can hint by date and in the body, with a code and type of its own', async () => {
    const answer = await struck(
      {
        kind: 'status',
        status: 429,
        retryAfterDate: 60,
        resetsInSeconds: 30,
        resetsAt: 90,
        code: 'insufficient_quota',
        type: 'billing',
      },
      CHAT,
    )
    expect(answer.head).toMatch(/retry-after: Sun, 01 Mar 2026 12:01:00 GMT/)
    expect(JSON.parse(answer.text).error).toMatchObject({
      code: 'insufficient_quota',
      type: 'billing',
      resets_in_seconds: 30,
      resets_at: NOW / 1000 + 90,
    })
  })
})

describe('other answers than the right one', () => {
  test('html is a page with status 403', async () => {
    const answer = await struck({ kind: 'html' }, CHAT)
    expect(answer.status).toBe(403)
    expect(answer.head).toMatch(/content-type: text\/html/)
    expect(answer.text).toMatch(/^<!DOCTYPE html>/)
  })

  test('redirect names another place', async () => {
    const answer = await struck({ kind: 'redirect', location: 'http://169.254.169.254/' }, CHAT)
    expect(answer.status).toBe(302)
    expect(answer.head).toMatch(/location: http:\/\/169\.254\.169\.254\//)
  })

  test('header_bomb sends more headers than asked for', async () => {
    const answer = await struck({ kind: 'header_bomb', bytes: 100_000 }, CHAT)
    expect(answer.head.length).toBeGreaterThan(100_000)
  })

  test('gzip_bomb unpacks to a thousand times its size', async () => {
    const answer = await struck({ kind: 'gzip_bomb', megabytes: 8 }, CHAT)
    expect(answer.head).toMatch(/content-encoding: gzip/)
    expect(answer.data.length).toBeLessThan(16_000)
    expect(gunzipSync(answer.data).length).toBe(8 * 2 ** 20)
  })

  test('content_type lies about a good body', async () => {
    const answer = await struck({ kind: 'content_type' }, CHAT)
    expect(answer.head).toMatch(/content-type: text\/html/)
    expect(JSON.parse(answer.text).object).toBe('chat.completion')
  })

  test('informational comes before the real answer', async () => {
    const answer = await struck({ kind: 'informational', status: 103, count: 2 }, CHAT)
    const all = Buffer.concat(answer.reads).toString()
    expect(all.match(/HTTP\/1\.1 103 Early Hints/g)).toHaveLength(2)
    expect(all).toMatch(/HTTP\/1\.1 200 OK/)
  })

  test('empty is status 200 without a body', async () => {
    const answer = await struck({ kind: 'empty' }, CHAT)
    expect(answer.head).toMatch(/200 OK[\s\S]*content-length: 0/)
    expect(answer.rest).toHaveLength(0)
  })
})

describe('broken JSON', () => {
  test('malformed_json breaks the body', async () => {
    const answer = await struck({ kind: 'malformed_json' }, CHAT)
    expect(() => JSON.parse(answer.text)).toThrow()
  })

  test('malformed_json breaks one event, and the stream goes on to its end', async () => {
    const answer = await struck({ kind: 'malformed_json', afterEvents: 2 }, CHAT_STREAM)
    const all = events(answer.text)
    expect(() => dataOf(all[2])).toThrow()
    expect(() => dataOf(all[3])).not.toThrow()
    expect(all.at(-1)).toBe('data: [DONE]')
  })

  test('truncated_json is cut but announces the right length', async () => {
    const answer = await struck({ kind: 'truncated_json' }, CHAT)
    expect(Number(/content-length: (\d+)/.exec(answer.head)?.[1])).toBe(answer.rest.length)
    expect(() => JSON.parse(answer.text)).toThrow()
  })

  test('truncated_json ends a stream cleanly, inside an event', async () => {
    const answer = await struck({ kind: 'truncated_json', atBytes: 300 }, CHAT_STREAM)
    expect(answer.data).toHaveLength(300)
    expect(answer.isComplete).toBe(true)
  })

  test('duplicate_keys puts wrong members before the right ones', async () => {
    const json = await struck({ kind: 'duplicate_keys' }, CHAT)
    expect(json.text.match(/"model":/g)).toHaveLength(2)
    expect(json.text).toMatch(/^\{"id":"duplicate","model":"duplicate"/)
    expect(JSON.parse(json.text).model).toBe('m')
    const stream = await struck({ kind: 'duplicate_keys' }, RESPONSES_STREAM, '/v1/responses')
    expect(stream.text).toMatch(/"response":\{"id":"duplicate","model":"duplicate"/)
    expect(dataOf(events(stream.text)[0]).response.model).toBe('m')
  })
})

describe('usage', () => {
  test('missing_usage leaves none in any protocol', async () => {
    expect((await struck({ kind: 'missing_usage' }, CHAT)).text).not.toContain('usage')
    const chat = await struck({ kind: 'missing_usage' }, CHAT_STREAM)
    expect(chat.text).not.toContain('usage')
    expect(chat.text).toMatch(/"finish_reason":"stop"[\s\S]*\[DONE\]/)
    const responses = await struck({ kind: 'missing_usage' }, RESPONSES_STREAM, '/v1/responses')
    expect(responses.text).not.toContain('usage')
    expect(responses.text).toContain('response.completed')
  })

  test.each([
    ['negative', -5],
    ['string', '12'],
    ['nan', 'NaN'],
    ['huge', Number.MAX_VALUE],
    ['fraction', 1.5],
    ['zero', 0],
  ] as const)('wrong_usage %s stands in JSON and in the events that carry usage', async (value, wrong) => {
    const json = await struck({ kind: 'wrong_usage', value }, CHAT)
    expect(JSON.parse(json.text).usage).toMatchObject({ prompt_tokens: wrong, completion_tokens: wrong })
    const chat = events((await struck({ kind: 'wrong_usage', value }, CHAT_STREAM)).text)
    expect(dataOf(chat.at(-2)).usage.completion_tokens).toBe(wrong)
    expect(dataOf(chat[1]).usage).toBeNull()
    const responses = events((await struck({ kind: 'wrong_usage', value }, RESPONSES_STREAM, '/v1/responses')).text)
    expect(dataOf(responses.at(-1)).response.usage.output_tokens).toBe(wrong)
  })
})

describe('errors in a stream', () => {
  test('chat: nested is the default, flat on request, and no [DONE] follows', async () => {
    const nested = await struck({ kind: 'error_event', code: 'rate_limit_exceeded', times: 1 }, CHAT_STREAM)
    expect(events(nested.text)).toHaveLength(1)
    expect(dataOf(events(nested.text)[0]).error.code).toBe('rate_limit_exceeded')
    const flat = await struck({ kind: 'error_event', style: 'flat' }, CHAT_STREAM)
    expect(dataOf(events(flat.text)[0])).toMatchObject({ code: 'server_error', param: null })
    expect(flat.isComplete).toBe(true)
  })

  test('responses: response.failed with the id of the response, after some events', async () => {
    const answer = await struck(
      { kind: 'error_event', afterEvents: 3, code: 'server_is_overloaded' },
      RESPONSES_STREAM,
      '/v1/responses',
    )
    const all = events(answer.text)
    expect(all).toHaveLength(4)
    expect(all[3]).toMatch(/^event: response\.failed\n/)
    const { sequence_number, response } = dataOf(all[3])
    expect(sequence_number).toBe(3)
    expect(response).toMatchObject({ id: dataOf(all[0]).response.id, status: 'failed', output: [] })
    expect(response.error.code).toBe('server_is_overloaded')
  })

  test('responses: a bare error event on request', async () => {
    const answer = await struck({ kind: 'error_event', style: 'error' }, RESPONSES_STREAM, '/v1/responses')
    expect(events(answer.text)).toHaveLength(1)
    expect(dataOf(answer.text)).toMatchObject({ type: 'error', code: 'server_error', sequence_number: 0, param: null })
  })

  test('JSON: status 200 with an error as body', async () => {
    expect(JSON.parse((await struck({ kind: 'error_event' }, CHAT)).text).error.code).toBe('server_error')
    const body = { model: 'm', input: 'hi' }
    const responses = JSON.parse((await struck({ kind: 'error_event' }, body, '/v1/responses')).text)
    expect(responses).toMatchObject({ object: 'response', status: 'failed', error: { code: 'server_error' } })
  })

  test.each([
    ['[DONE]', CHAT_STREAM, '/v1/chat/completions'],
    ['response.completed', RESPONSES_STREAM, '/v1/responses'],
  ])('no_terminal ends cleanly without %s', async (terminal, body, path) => {
    const answer = await struck({ kind: 'no_terminal' }, body, path)
    expect(answer.text).not.toContain(terminal)
    expect(answer.isComplete).toBe(true)
    expect(events(answer.text).length).toBeGreaterThan(5)
  })
})

describe('too much, or too little at a time', () => {
  test.each([
    ['JSON', CHAT],
    ['a stream', CHAT_STREAM],
  ])('huge_line is valid: %s', async (_, body) => {
    const answer = await struck({ kind: 'huge_line', bytes: 300_001, afterEvents: 2 }, body)
    const lines = answer.text.split('\n').filter((line) => line.length > 300_000)
    expect(lines).toHaveLength(1)
    expect(dataOf(lines[0]).padding).toHaveLength(300_001)
    expect(answer.isComplete).toBe(true)
  })

  test.each([
    ['chat', CHAT_STREAM, '/v1/chat/completions'],
    ['responses', RESPONSES_STREAM, '/v1/responses'],
    ['JSON', CHAT, '/v1/chat/completions'],
  ])('endless does not stop before the client does: %s', async (_, body, path) => {
    sandbox.setFault({ kind: 'endless' })
    const answer = await rawRequest({ port: sandbox.port, path, body, maxBytes: 300_000 })
    expect(answer.ending).toBe('still open')
    expect(answer.rest.length).toBeGreaterThan(290_000)
    await expect.poll(() => sandbox.status().inFlight).toBe(0)
  })

  test('split tears events and characters apart and loses nothing', async () => {
    const answer = await struck({ kind: 'split', bytes: 1 }, CHAT_STREAM)
    expect(answer.text).toContain('thrée')
    expect(answer.reads.length).toBeGreaterThan(answer.data.length / 4)
    expect(events(answer.text).at(-1)).toBe('data: [DONE]')
  })
})
