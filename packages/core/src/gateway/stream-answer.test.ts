import { describe, expect, test } from 'vitest'
import type { AccountEvent } from './account-state.ts'
import { settled } from './testing/fake-clock.ts'
import type { FakeExchange } from './testing/fake-upstream.ts'
import {
  chunk,
  DONE,
  deliver,
  errorEvent,
  expectAllReleasedOnce,
  FINISH,
  flowing,
  role,
  text,
  USAGE,
  world,
} from './testing/relay-world.ts'

const LENGTH = 'data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n'
const CREATED = responses('created', { id: 'resp_1', status: 'in_progress' }, 0)
const SAID =
  'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":4,"delta":"one two"}\n\n'

function responses(kind: string, response: object, sequence: number): string {
  const type = `response.${kind}`
  return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence, response })}\n\n`
}

/** A Responses stream that has begun with these events. */
async function flowingResponses(...events: string[]) {
  const run = world({}, { protocol: 'responses', body: { stream: true } })
  await settled()
  const upstream = run.ports.upstream.last()
  upstream.stream(...events)
  const delivered = deliver(run.answering, run.responder)
  await settled()
  return { ...run, upstream, delivered }
}

const cut = (upstream: FakeExchange) => upstream.error('lost')
const NO_USAGE_ASKED = { inputTokens: expect.any(Number), outputTokens: 2 }
const GIVEN = { inputTokens: 3, outputTokens: 2 }

describe('a chat stream ends', () => {
  test.each<[string, (upstream: FakeExchange) => void, object, string]>([
    [
      'whole, with usage',
      (up) => up.data(FINISH + USAGE + DONE),
      { outcome: 'completed', status: 200, usage: GIVEN, priceRule: 'usage', estimated: false, billedNano: 10 },
      DONE,
    ],
    [
      'whole, without usage',
      (up) => up.data(FINISH + DONE),
      { outcome: 'completed', usage: NO_USAGE_ASKED, priceRule: 'delivered', estimated: true },
      DONE,
    ],
    [
      'at its length',
      (up) => up.data(LENGTH + USAGE + DONE),
      { outcome: 'incomplete', status: 200, priceRule: 'usage', errorCode: null },
      DONE,
    ],
    [
      'finished, but without [DONE]',
      (up) => {
        up.data(FINISH + USAGE)
        up.end()
      },
      { outcome: 'completed', priceRule: 'usage' },
      DONE,
    ],
    [
      'without finishing',
      (up) => up.end(),
      { outcome: 'upstream_cut', status: 502, errorCode: 'upstream_invalid_response', priceRule: 'delivered' },
      'upstream_invalid_response',
    ],
    ['cut', cut, { outcome: 'upstream_cut', priceRule: 'delivered', estimated: true }, 'upstream_invalid_response'],
    [
      'cut, after its usage',
      (up) => {
        up.data(USAGE)
        cut(up)
      },
      { outcome: 'upstream_cut', usage: GIVEN, priceRule: 'usage', estimated: false },
      'upstream_invalid_response',
    ],
    [
      'cut in the middle of an event',
      (up) => {
        up.data('data: {"id":"c1","cho')
        cut(up)
      },
      { outcome: 'upstream_cut' },
      'upstream_invalid_response',
    ],
    [
      'with an event past all bounds',
      (up) => up.error('too_large'),
      { outcome: 'failed', status: 502, errorCode: 'upstream_too_large' },
      'upstream_too_large',
    ],
    [
      'with an error of the upstream',
      (up) => up.data(errorEvent('server_error')),
      { outcome: 'failed', status: 502, errorCode: 'upstream_failed', priceRule: 'delivered' },
      '"code":"server_error"',
    ],
    [
      'with a usage that makes no sense',
      (up) => up.data(`${FINISH}data: {"choices":[],"usage":{"prompt_tokens":-3}}\n\n${DONE}`),
      { outcome: 'completed', usageInvalid: true, estimated: true, priceRule: 'delivered' },
      DONE,
    ],
    [
      'with a usage of zero',
      (up) => up.data(`${FINISH}data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}\n\n${DONE}`),
      { estimated: false, priceRule: 'usage', billedNano: 0 },
      DONE,
    ],
  ])('%s', async (_, end, outcome, last) => {
    const { ports, responder, upstream, delivered } = await flowing()
    end(upstream)
    await delivered
    expect(ports.ends).toMatchObject([outcome])
    expect(ports.outcomes).toEqual(ports.ends)
    const events = responder.wire().split(/(?<=\n\n)/)
    expect(events.at(-1)).toContain(last)
    const isEnd = (event: string) => event === DONE || event.includes('"error"')
    expect(events.filter(isEnd)).toHaveLength(1)
    expect(responder.ends()).toBe(1)
    upstream.end()
    expectAllReleasedOnce(ports)
  })

  test.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
  ])('with all but its blank line until the outcome is written: %s', async (_, newline) => {
    const written = Promise.withResolvers<void>()
    const run = world({ journal: { end: () => written.promise } }, { body: { stream: true } })
    await settled()
    run.ports.upstream.last().stream((text('one') + FINISH + DONE).replaceAll('\n', newline))
    const delivered = deliver(run.answering, run.responder)
    await settled()
    expect(run.responder.wire()).toMatch(newline === '\n' ? /data: \[DONE\]\n$/ : /data: \[DONE\]\r\n$/)
    expect(run.ports.heldNow()).toEqual([])
    written.resolve()
    await delivered
    expect(run.responder.wire().endsWith(`data: [DONE]${newline}${newline}`)).toBe(true)
  })

  test('and what comes behind its end is nobody’s', async () => {
    const { ports, responder, upstream, delivered } = await flowing()
    upstream.data(FINISH + DONE + text('more') + DONE)
    await delivered
    expect(responder.wire().endsWith(FINISH + DONE)).toBe(true)
    expect(responder.wire()).not.toContain('more')
    expect(ports.ends).toHaveLength(1)
  })

  test('and its upstream may end the transfer by itself, so that the connection can be used again', async () => {
    const { ports, upstream, delivered } = await flowing()
    upstream.data(FINISH + DONE)
    await delivered
    expect(upstream.isAborted).toBe(false)
    upstream.end()
    expectAllReleasedOnce(ports)
  })

  test('and an upstream that does not end the transfer is cut after a second', async () => {
    const { ports, upstream, delivered } = await flowing()
    upstream.data(FINISH + DONE)
    await delivered
    ports.clock.advance(1_000)
    expect(upstream.isAborted).toBe(true)
    expectAllReleasedOnce(ports)
  })
})

describe('the end of a stream teaches about its account', () => {
  test.each<[string, (upstream: FakeExchange) => void, AccountEvent]>([
    ['whole', (up) => up.data(FINISH + DONE), { kind: 'answered' }],
    ['at its length', (up) => up.data(LENGTH + DONE), { kind: 'answered' }],
    ['cut', cut, { kind: 'broken' }],
    ['without finishing', (up) => up.end(), { kind: 'broken' }],
  ])('%s', async (_, end, event) => {
    const { ports, upstream, delivered } = await flowing()
    end(upstream)
    await delivered
    expect(ports.reports).toEqual([{ accountId: 1, event }])
  })

  test.each<[string, AccountEvent, boolean]>([
    ['server_is_overloaded', { kind: 'overloaded' }, true],
    ['rate_limit_exceeded', { kind: 'rate_limited', retryAfterMs: null }, true],
    ['insufficient_quota', { kind: 'payment_required' }, false],
    ['context_length_exceeded', { kind: 'inconclusive' }, true],
  ])('%s', async (code, event, isTold) => {
    const { ports, responder, upstream, delivered } = await flowing()
    upstream.data(errorEvent(code))
    await delivered
    expect(ports.reports).toEqual([{ accountId: 1, event }])
    expect(responder.wire().includes(code)).toBe(isTold)
    expect(responder.wire().endsWith('}}\n\n')).toBe(true)
  })
})

describe('a Responses stream ends', () => {
  test.each(['completed', 'incomplete', 'failed'])('by the upstream’s own response.%s', async (kind) => {
    const { ports, responder, upstream, delivered } = await flowingResponses(CREATED, SAID)
    const last = responses(kind, { id: 'resp_1', status: kind, usage: { input_tokens: 3, output_tokens: 2 } }, 5)
    upstream.data(last)
    await delivered
    expect(responder.wire()).toBe(CREATED + SAID + last)
    expect(ports.ends).toMatchObject([{ outcome: kind, usage: GIVEN, upstreamResponseId: 'resp_1' }])
  })

  test('cut, by response.failed under the next number, in the name of the response', async () => {
    const { responder, upstream, delivered } = await flowingResponses(CREATED, SAID)
    cut(upstream)
    await delivered
    const last = responder.wire().slice((CREATED + SAID).length)
    expect(last.startsWith('event: response.failed\ndata: ')).toBe(true)
    expect(JSON.parse(last.slice(last.indexOf('{')))).toMatchObject({
      sequence_number: 5,
      response: { id: 'resp_1', status: 'failed', error: { code: 'upstream_invalid_response' } },
    })
  })

  test('with an end that cannot be read, by one that can', async () => {
    const { ports, responder, upstream, delivered } = await flowingResponses(CREATED, SAID)
    upstream.data('event: response.completed\ndata: {"type":"response.completed","respo\n\n')
    await delivered
    expect(responder.wire()).not.toContain('response.completed')
    expect(responder.wire()).toContain('event: response.failed\n')
    expect(ports.ends).toMatchObject([{ outcome: 'failed' }])
  })

  test('with a bare error, by response.failed', async () => {
    const { responder, upstream, delivered } = await flowingResponses(CREATED, SAID)
    upstream.data(
      'event: error\ndata: {"type":"error","sequence_number":5,"code":"server_error","message":"theirs"}\n\n',
    )
    await delivered
    expect(responder.wire()).not.toContain('event: error\n')
    expect(responder.wire()).toMatch(/event: response\.failed\ndata: .*"server_error".*\n\n$/)
  })
})

describe('the model', () => {
  test('is the one the caller asked for in every event, and the upstream was asked for its own', async () => {
    const { responder, upstream, delivered } = await flowing()
    upstream.data(chunk({ content: 'x' }, { model: 'up-model' }) + FINISH + DONE)
    await delivered
    expect(String(upstream.request.body)).toContain('"model":"up-model"')
    expect(responder.wire()).toContain('"model":"asked"')
    expect(responder.wire()).not.toContain('up-model')
  })
})

describe('the usage chunk', () => {
  test('goes to a caller who asked for it', async () => {
    const { responder, upstream, delivered } = await flowing({ body: { stream_options: { include_usage: true } } })
    upstream.data(FINISH + USAGE + DONE)
    await delivered
    expect(responder.wire()).toContain(USAGE)
  })
})

test('an answer that is never delivered gives everything back', async () => {
  const run = world({}, { body: { stream: true } })
  await settled()
  run.ports.upstream.last().stream(role, text('one'))
  const answer = await run.answering
  answer[Symbol.dispose]()
  expect(run.ports.upstream.last().isAborted).toBe(true)
  expectAllReleasedOnce(run.ports)
})

test('the time to the first token is that of the first visible text, once', async () => {
  const run = world({}, { body: { stream: true } })
  await settled()
  run.ports.clock.advance(100)
  run.ports.upstream.last().stream(role)
  run.ports.clock.advance(1_000)
  const delivered = deliver(run.answering, run.responder)
  await settled()
  expect(run.ports.ttfts).toEqual([])
  run.ports.clock.advance(50)
  run.ports.upstream.last().data(text('one'))
  run.ports.clock.advance(50)
  run.ports.upstream.last().data(text('two') + FINISH + DONE)
  await delivered
  expect(run.ports.ttfts).toEqual([1_150])
  expect(run.ports.ends[0]?.times).toMatchObject({ upstreamFirstByteMs: 100, ttftMs: 1_150, totalMs: 1_200 })
})
