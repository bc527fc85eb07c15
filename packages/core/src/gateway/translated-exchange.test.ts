import { describe, expect, test } from 'vitest'
import { GatewayError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { asObject, parseJson } from './json.ts'
import { eventData } from './sse.ts'
import { asBytes, fromBytes } from './testing/bytes.ts'
import { fakeCall } from './testing/fake-call.ts'
import { fakeCandidate } from './testing/fake-candidate.ts'
import { createFakePorts } from './testing/fake-ports.ts'
import { translatedExchange } from './translated-exchange.ts'

const INPUT = { input: 'one two', messages: undefined }

function exchangeFor(call: Parameters<typeof fakeCall>[0]): Exchange {
  return translatedExchange(fakeCall(call), fakeCandidate(1), createFakePorts())
}

/** A Responses caller on a chat account. */
function towardsChat(body: object = {}): Exchange {
  return exchangeFor({ protocol: 'responses', body: { ...INPUT, ...body } })
}

/** A chat caller on a Responses account. */
function towardsResponses(body: object = {}): Exchange {
  return exchangeFor({ protocol: 'chat', body })
}

function bodyOf({ body }: Exchange) {
  return asObject(parseJson(String(body)))
}

function toldOf(exchange: Exchange, answer: unknown) {
  const told = exchange.answer(asBytes(JSON.stringify(answer)), 200)
  return told && { status: told.status, body: asObject(parseJson(fromBytes(told.body))) }
}

/** The JSON of each event. */
function eventsIn(bytes: string) {
  return fromBytes(bytes)
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => asObject(parseJson(eventData(`${event}\n\n`) ?? '')))
}

function opened(exchange: Exchange) {
  return exchange.stream(exchange.createReader())
}

const CHAT_TEXT = asBytes('data: {"id":"c1","choices":[{"index":0,"delta":{"content":"schön 語"}}]}\n\n')
const RESPONSES_TEXT = asBytes(
  'data: {"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"schön 語"}\n\n',
)

describe('a request', () => {
  test('of a Responses caller goes to the chat path, in chat words, with the mapped model', () => {
    const exchange = towardsChat()
    expect([exchange.protocol, exchange.path]).toEqual(['chat', '/chat/completions'])
    expect(bodyOf(exchange)).toMatchObject({ model: 'up-model', messages: [{ role: 'user', content: 'one two' }] })
  })

  test('of a chat caller goes to the Responses path, in its words, with the mapped model', () => {
    const exchange = towardsResponses()
    expect([exchange.protocol, exchange.path]).toEqual(['responses', '/responses'])
    expect(bodyOf(exchange)).toMatchObject({ model: 'up-model' })
    expect(bodyOf(exchange).messages).toBeUndefined()
  })

  test('for a stream always asks a chat upstream for usage', () => {
    expect(bodyOf(towardsChat({ stream: true })).stream_options).toMatchObject({ include_usage: true })
  })

  test.each([
    ['previous_response_id', () => towardsChat({ previous_response_id: 'resp_1' })],
    ['n', () => towardsResponses({ n: 2 })],
  ])('that the other protocol has no word for is refused by name: %s', (param, ask) => {
    let refusal: unknown
    try {
      ask()
    } catch (error) {
      refusal = error
    }
    expect(refusal).toBeInstanceOf(GatewayError)
    expect(refusal).toMatchObject({ code: 'unsupported_parameter', param })
  })
})

describe('a whole answer', () => {
  test('of a chat upstream is told as a response, under the name the caller asked for', () => {
    const told = toldOf(towardsChat(), {
      id: 'c1',
      model: 'up-model',
      choices: [{ index: 0, message: { role: 'assistant', content: 'schön 語' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    })
    expect(told).toMatchObject({
      status: 200,
      body: { object: 'response', status: 'completed', model: 'asked', usage: { input_tokens: 3, output_tokens: 2 } },
    })
    expect(JSON.stringify(told?.body)).toContain('schön 語')
  })

  test('of a Responses upstream is told as a completion, under the name the caller asked for', () => {
    const told = toldOf(towardsResponses(), {
      id: 'resp_1',
      object: 'response',
      status: 'completed',
      model: 'up-model',
      output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'schön 語' }] }],
      usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
    })
    expect(told).toMatchObject({
      status: 200,
      body: {
        object: 'chat.completion',
        model: 'asked',
        choices: [{ message: { content: 'schön 語' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 3, completion_tokens: 2 },
      },
    })
  })

  test('that says it failed is told by its status, in the error shape', () => {
    const told = toldOf(towardsResponses(), {
      id: 'resp_1',
      object: 'response',
      status: 'failed',
      output: [],
      error: { code: 'server_error', message: 'It broke' },
    })
    expect(told).toEqual({
      status: 502,
      body: { error: { message: 'It broke', type: 'upstream_error', param: null, code: 'server_error' } },
    })
  })

  test.each([
    ['chat', towardsChat],
    ['Responses', towardsResponses],
  ])('that is none of its protocol cannot be told: %s', (_, exchangeOf) => {
    expect(toldOf(exchangeOf(), { hello: 'world' })).toBeNull()
  })
})

describe('a stream', () => {
  test('of a chat upstream begins as a response, its events numbered without a gap, and ends completed', () => {
    const stream = opened(towardsChat({ stream: true }))
    const relayed = stream.relay(CHAT_TEXT)
    stream.relay('data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n')
    const first = eventsIn(relayed)
    expect(first[0]).toMatchObject({ type: 'response.created' })
    expect(first.at(-1)).toMatchObject({ type: 'response.output_text.delta', delta: 'schön 語' })
    expect(first.map(({ sequence_number: number }) => number)).toEqual(first.map((_, index) => index))
    const last = eventsIn(stream.end('data: [DONE]\n\n')).at(-1)
    expect(last).toMatchObject({ type: 'response.completed', response: { status: 'completed', model: 'asked' } })
  })

  test('of a Responses upstream goes on in chunks and ends with [DONE]', () => {
    const stream = opened(towardsResponses({ stream: true }))
    expect(eventsIn(stream.relay(RESPONSES_TEXT)).at(-1)).toMatchObject({
      object: 'chat.completion.chunk',
      model: 'asked',
      choices: [{ delta: { content: 'schön 語' } }],
    })
    const end = stream.end('data: {"type":"response.completed","response":{"status":"completed","output":[]}}\n\n')
    expect(end.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(eventsIn(end)[0]).toMatchObject({ choices: [{ finish_reason: 'stop' }] })
    expect(stream.end(null)).toBe('data: [DONE]\n\n')
  })

  test('goes through as bytes, one character each', () => {
    for (const [exchange, event] of [
      [towardsChat({ stream: true }), CHAT_TEXT],
      [towardsResponses({ stream: true }), RESPONSES_TEXT],
    ] as const) {
      expect(opened(exchange).relay(event)).toMatch(/^[\0-\xff]+$/)
    }
  })

  test('that breaks for a Responses caller is told by one response.failed with the next number', () => {
    const stream = opened(towardsChat({ stream: true }))
    const sent = eventsIn(stream.relay(CHAT_TEXT))
    const told = stream.error(new GatewayError('upstream_stalled'))
    expect(told).toMatch(/^event: response\.failed\n/)
    expect(eventsIn(told ?? '')).toMatchObject([
      {
        type: 'response.failed',
        sequence_number: sent.length,
        response: { status: 'failed', error: { code: 'upstream_stalled', message: 'Upstream stopped responding' } },
      },
    ])
  })

  test('that breaks for a chat caller is told by one nested error, without [DONE]', () => {
    const told = opened(towardsResponses({ stream: true })).error(new GatewayError('upstream_stalled'))
    expect(told).not.toContain('[DONE]')
    expect(eventsIn(told ?? '')).toMatchObject([{ error: { code: 'upstream_stalled' } }])
  })

  test.each([
    ['nested', 'data: {"error":{"message":"It broke","code":"x"}}\n\n'],
    ['flat', 'data: {"message":"It broke","code":"x"}\n\n'],
  ])('whose chat upstream fails tells the upstream’s own words, %s', (_, event) => {
    const stream = opened(towardsChat({ stream: true }))
    stream.relay(CHAT_TEXT)
    expect(eventsIn(stream.upstreamError(event))).toMatchObject([
      { type: 'response.failed', response: { error: { code: 'x', message: 'It broke' } } },
    ])
  })

  test.each([
    ['response.failed', '{"type":"response.failed","response":{"error":{"code":"x","message":"It broke"}}}'],
    ['error', '{"type":"error","code":"x","message":"It broke"}'],
  ])('whose Responses upstream fails tells the upstream’s own words: %s', (type, data) => {
    const told = opened(towardsResponses({ stream: true })).upstreamError(`event: ${type}\ndata: ${data}\n\n`)
    expect(eventsIn(told ?? '')).toMatchObject([{ error: { code: 'x', message: 'It broke' } }])
  })
})
