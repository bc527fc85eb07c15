import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { errorOf, type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { type RawUpstream, sendJson, startRawUpstream } from '../support/raw-upstream.ts'
import { readStrictly } from '../support/read-stream.ts'

const STREAM = { 'content-type': 'text/event-stream' }

function chunk(content: string, members: object = {}): string {
  const choices = [{ index: 0, delta: { content }, finish_reason: null }]
  return `data: ${JSON.stringify({ id: 'chatcmpl-1', model: 'm', choices, ...members })}\n\n`
}

const LAST = `data: {"id":"chatcmpl-1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n`
const USAGE = `data: {"id":"chatcmpl-1","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n`
const DONE = 'data: [DONE]\n\n'

interface Answered {
  status: number
  text: string
  world: GatewayWorld
}

/** What a caller of a stream gets from an upstream that answers so, and the world it happened in. */
async function ask(
  answer: (response: ServerResponse) => void,
  look: (answered: Answered) => Promise<void> | void,
  options: Parameters<typeof startGatewayWorld>[0] = {},
): Promise<void> {
  await using upstream: RawUpstream = await startRawUpstream(answer)
  await using world = await startGatewayWorld({
    group: { firstByteTimeoutMs: 20_000, idleTimeoutMs: 20_000 },
    ...options,
    accounts: [{ baseUrl: upstream.baseUrl }],
  })
  const { status, text } = await world.chat({ model: 'm', stream: true })
  await look({ status, text, world })
  await expect.poll(() => upstream.inFlight(), { timeout: 40_000 }).toBe(0)
  expect(world.gateway.stats()).toMatchObject({ heldSlots: 0, leaks: 0 })
}

const streaming = (...pieces: (string | Buffer)[]) => {
  return (response: ServerResponse) => {
    response.writeHead(200, STREAM)
    for (const piece of pieces) response.write(piece)
    response.end()
  }
}

describe('goes through as it came', () => {
  test.each<[string, string]>([
    ['carriage returns', `${chunk('Hi')}${LAST}${USAGE}${DONE}`.replaceAll('\n', '\r\n')],
    ['comments between events', `: hello\n\n${chunk('Hi')}: more\n\n${LAST}${DONE}`],
    ['names and ids of events', `${chunk('Hi')}event: x\nid: 7\n${chunk('yo')}${LAST}${DONE}`],
    ['data without a space', `${chunk('Hi')}${LAST}${DONE}`.replaceAll('data: ', 'data:')],
    ['members nobody knows', `${chunk('Hi', { x_big: 12345678901234567000, y: { z: [] } })}${LAST}${DONE}`],
    ['an event that is no JSON', `${chunk('Hi')}data: {oops\n\n${LAST}${DONE}`],
  ])('%s', async (_, stream) => {
    await ask(streaming(stream), async ({ text, world }) => {
      // Nobody has begun to listen when the first comment comes.
      expect(text).toBe(
        stream.replaceAll(USAGE, '').replaceAll(USAGE.replaceAll('\n', '\r\n'), '').replace(': hello\n\n', ''),
      )
      expect(await world.ledger()).toMatchObject([{ outcome: 'completed', status: 200 }])
    })
  })

  test('bytes that are no UTF-8', async () => {
    await using upstream = await startRawUpstream(
      streaming(chunk('a'), Buffer.from('data: "\xff\xc3"\n\n', 'latin1'), LAST, DONE),
    )
    await using world = await startGatewayWorld({ accounts: [{ baseUrl: upstream.baseUrl }] })
    const response = await fetch(`${world.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.key}` },
      body: '{"model":"m","stream":true}',
    })
    const bytes = Buffer.from(await response.arrayBuffer()).toString('latin1')
    expect(bytes).toBe(`${chunk('a')}data: "\xff\xc3"\n\n${LAST}${DONE}`)
  })
})

describe('is understood all the same', () => {
  test.each<[string, (response: ServerResponse) => void]>([
    ['a last event without its blank line', streaming(chunk('Hi'), LAST, 'data: [DONE]')],
    ['an end without [DONE]', streaming(chunk('Hi'), LAST)],
    ['a usage after the last word, and no [DONE]', streaming(chunk('Hi'), LAST, USAGE)],
    ['events after the end', streaming(chunk('Hi'), LAST, DONE, chunk('more'), DONE)],
    [
      'a packed stream',
      (response) =>
        response.writeHead(200, { ...STREAM, 'content-encoding': 'gzip' }).end(gzipSync(chunk('Hi') + LAST + DONE)),
    ],
    ['an event stream that does not say so', (response) => response.writeHead(200).end(chunk('Hi') + LAST + DONE)],
    [
      'a role in an event of its own, much later',
      (response) => {
        response.writeHead(200, STREAM)
        response.write('data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n')
        setTimeout(() => response.end(chunk('Hi') + LAST + DONE), 300)
      },
    ],
  ])('%s', async (_, answer) => {
    await ask(answer, async ({ text, world }) => {
      expect(readStrictly(text, 'chat')).toMatchObject({ end: 'done', text: 'Hi' })
      expect(await world.ledger()).toMatchObject([{ outcome: 'completed' }])
    })
  })

  test('a transfer that stays open after the end does not keep the caller waiting', async () => {
    const answer = (response: ServerResponse) => void response.writeHead(200, STREAM).write(chunk('Hi') + LAST + DONE)
    const startedAt = performance.now()
    await ask(answer, ({ text }) => {
      expect(readStrictly(text, 'chat')).toMatchObject({ end: 'done', text: 'Hi' })
      expect(performance.now() - startedAt).toBeLessThan(10_000)
    })
  })

  test.each([
    ['length', 'incomplete'],
    ['content_filter', 'incomplete'],
    ['tool_calls', 'completed'],
    ['stop', 'completed'],
  ])('a finish for the reason %s is %s', async (reason, outcome) => {
    await ask(streaming(chunk('Hi'), LAST.replace('"stop"', `"${reason}"`), DONE), async ({ text, world }) => {
      expect(readStrictly(text, 'chat').end).toBe('done')
      expect(await world.ledger()).toMatchObject([{ outcome, status: 200, errorCode: null }])
    })
  })
})

describe('is one broken end', () => {
  test.each<[string, (response: ServerResponse) => void, string, string]>([
    [
      'a cut inside a character',
      (response) => {
        response.writeHead(200, STREAM)
        response.write(chunk('Hi'))
        const half = Buffer.from(chunk('é')).subarray(0, Buffer.from(chunk('é')).indexOf(0xc3) + 1)
        response.write(half, () => setTimeout(() => response.destroy(), 20))
      },
      'upstream_invalid_response',
      'upstream_cut',
    ],
    ['a clean end that says nothing of how', streaming(chunk('Hi')), 'upstream_invalid_response', 'upstream_cut'],
    [
      'half an event and a clean end',
      streaming(chunk('Hi'), LAST.slice(0, -20)),
      'upstream_invalid_response',
      'upstream_cut',
    ],
    ['a [DONE] that is none', streaming(chunk('Hi'), 'data: [DO'), 'upstream_invalid_response', 'upstream_cut'],
    [
      'a flat error',
      streaming(chunk('Hi'), 'data: {"message":"broke","type":"server_error","code":"x"}\n\n'),
      'x',
      'failed',
    ],
    ['an error that is only text', streaming(chunk('Hi'), 'data: {"error":"broke"}\n\n'), '', 'failed'],
    [
      'an error and then [DONE]',
      streaming(chunk('Hi'), 'data: {"error":{"message":"m","code":"x"}}\n\n', DONE),
      'x',
      'failed',
    ],
    [
      'a quota used up on the way',
      streaming(chunk('Hi'), 'data: {"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}\n\n'),
      'upstream_failed',
      'failed',
    ],
  ])('%s', async (_, answer, code, outcome) => {
    await ask(answer, async ({ status, text, world }) => {
      expect(status).toBe(200)
      const read = readStrictly(text, 'chat')
      expect(read).toMatchObject({ end: 'error', text: 'Hi', code: code === '' ? null : code })
      expect(text).not.toContain('[DONE]')
      expect(text).not.toContain('exceeded your quota')
      expect(await world.ledger()).toMatchObject([{ outcome, estimated: true, priceRule: 'delivered' }])
    })
  })

  test('a stream that never ends is ended in time, with what it delivered on the bill', async () => {
    const endless = (response: ServerResponse) => {
      response.writeHead(200, STREAM)
      const timer = setInterval(() => response.write(chunk('word ')), 5)
      response.once('close', () => clearInterval(timer))
    }
    await ask(
      endless,
      async ({ text, world }) => {
        const read = readStrictly(text, 'chat')
        expect(read).toMatchObject({ end: 'error', code: 'upstream_timeout' })
        const [row] = await world.ledger()
        expect(row).toMatchObject({ outcome: 'upstream_stalled', status: 504, priceRule: 'delivered' })
        expect(row?.outputTokens).toBeGreaterThan(10)
      },
      { group: { totalTimeoutMs: 2_000 } },
    )
  })
})

describe('is refused in words of ours', () => {
  test.each<[string, (response: ServerResponse) => void, number, string]>([
    ['no content', (response) => response.writeHead(204).end(), 502, 'upstream_unreachable'],
    ['no events', (response) => response.writeHead(200, STREAM).end(), 502, 'upstream_unreachable'],
    [
      'a page',
      (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('<html>'),
      502,
      'upstream_invalid_response',
    ],
    [
      'a moved address',
      (response) => response.writeHead(308, { location: 'http://127.0.0.1:1/' }).end(),
      502,
      'upstream_redirect',
    ],
    ['not modified', (response) => response.writeHead(304).end(), 502, 'upstream_redirect'],
    ['a teapot without a word', (response) => response.writeHead(418).end(), 418, ''],
    [
      'a page of its own',
      (response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>nginx at upstream.example</h1>'),
      404,
      '',
    ],
    [
      'too many headers',
      (response) => response.writeHead(200, { 'x-bomb': 'x'.repeat(40_000) }).end('{}'),
      502,
      'upstream_unreachable',
    ],
    [
      'an encoding nobody knows',
      (response) => response.writeHead(200, { ...STREAM, 'content-encoding': 'rot13' }).end('x'),
      502,
      'upstream_unreachable',
    ],
  ])('%s', async (_, answer, status, code) => {
    await ask(answer, ({ text, ...answered }) => {
      expect(answered.status).toBe(status)
      expect(errorOf({ text })).toMatchObject({ code: code === '' ? null : code })
      expect(errorOf({ text }).message).toMatch(/^Upstream /)
      expect(text).not.toContain('nginx')
    })
  })
})

test("the caller's own mistake is told in the upstream's bytes, whatever they are", async () => {
  const body = '{ "error" : {"message":"mödel é 9007199254740993","type":"t","param":"x","code":"c","extra":1.0} }'
  await ask(
    (response) => sendJson(response, body, 422),
    async ({ status, text, world }) => {
      expect([status, text]).toEqual([422, body])
      expect(await world.ledger()).toMatchObject([
        { outcome: 'rejected_upstream', status: 422, errorCode: 'c', billedNano: 0n },
      ])
    },
  )
})
