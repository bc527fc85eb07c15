import { describe, expect, test } from 'vitest'
import { ShuttingDown } from './client-left.ts'
import { fakeCandidate } from './testing/fake-candidate.ts'
import { settled } from './testing/fake-clock.ts'
import { deliver, expectAllReleasedOnce, JSON_ANSWER, world } from './testing/relay-world.ts'

/** The caller's answer and the record of it, where the upstream answers this. */
async function answered(
  json: unknown,
  call: Parameters<typeof world>[1] = {},
  options: Parameters<typeof world>[0] = {},
) {
  const run = world(options, call)
  await settled()
  run.ports.upstream.last().answer(json)
  await deliver(run.answering, run.responder)
  expectAllReleasedOnce(run.ports)
  const [outcome] = run.ports.ends
  if (outcome === undefined) throw new Error('no outcome was written')
  return { ...run, outcome }
}

function chatAnswer(message: object, finishReason = 'stop', more: object = {}) {
  return { id: 'c1', choices: [{ index: 0, message, finish_reason: finishReason }], ...more }
}

function responsesAnswer(more: object) {
  return { id: 'resp_1', object: 'response', status: 'completed', error: null, output: [], ...more }
}

const USAGE = { usage: { input_tokens: 3, output_tokens: 4 } }

describe('a whole answer ends as', () => {
  test.each([
    ['chat', chatAnswer({ content: 'x' }, 'stop'), 'completed', null],
    ['chat', chatAnswer({ content: 'x' }, 'length'), 'incomplete', null],
    ['chat', chatAnswer({ content: 'x' }, 'content_filter'), 'incomplete', null],
    ['chat', { error: { message: 'no', code: 'c' } }, 'failed', 'c'],
    ['chat', { error: { message: 'no', code: `\u0000${'x'.repeat(500)}` } }, 'failed', `?${'x'.repeat(127)}`],
    ['chat', { error: 'no' }, 'failed', 'upstream_failed'],
    ['chat', { ...chatAnswer({ content: 'x' }), error: null }, 'completed', null],
    ['responses', responsesAnswer(USAGE), 'completed', null],
    ['responses', responsesAnswer({ status: 'incomplete' }), 'incomplete', null],
    ['responses', responsesAnswer({ status: 'failed', error: { code: 'server_error' } }), 'failed', 'server_error'],
    ['responses', responsesAnswer({ status: 'failed' }), 'failed', 'upstream_failed'],
  ] as const)('%s %j: %s', async (protocol, json, outcome, errorCode) => {
    const { ports, responder } = await answered(json, { protocol })
    expect(ports.ends).toMatchObject([{ outcome, errorCode, status: 200, upstreamResponseId: expectedId(json) }])
    expect(JSON.parse(responder.wire())).toEqual(json)
  })
})

function expectedId(json: object): string | null {
  return 'id' in json && typeof json.id === 'string' ? json.id : null
}

describe('its usage', () => {
  test('is the upstream’s where it makes sense', async () => {
    const { outcome } = await answered(JSON_ANSWER)
    expect(outcome).toMatchObject({ priceRule: 'usage', estimated: false, usageInvalid: false, billedNano: 14 })
  })

  test.each([
    ['absent', undefined, false],
    ['null', null, false],
    ['negative', { prompt_tokens: 1, completion_tokens: -1 }, true],
    ['text', 'many', true],
  ])('is counted where it is %s', async (_, usage, usageInvalid) => {
    const { outcome } = await answered({ ...JSON_ANSWER, usage })
    expect(outcome).toMatchObject({ priceRule: 'delivered', estimated: true, usageInvalid })
    expect(outcome.usage.outputTokens).toBe(4)
    expect(outcome.usage.inputTokens).toBeGreaterThan(2)
    expect(outcome.billedNano).toBeGreaterThan(0)
  })

  test.each([
    ['a refusal', 'chat', chatAnswer({ content: null, refusal: 'a b' }), 2],
    ['reasoning', 'chat', chatAnswer({ content: 'a', reasoning_content: 'b c' }), 3],
    ['a tool call', 'chat', chatAnswer({ tool_calls: [{ function: { name: 'f', arguments: '{"a": 1}' } }] }), 2],
    ['a custom tool call', 'chat', chatAnswer({ tool_calls: [{ custom: { name: 'f', input: 'a b c' } }] }), 3],
    ['several choices', 'chat', { choices: [{ message: { content: 'a' } }, { message: { content: 'b' } }] }, 2],
    ['text', 'responses', responsesAnswer({ output: [{ content: [{ type: 'output_text', text: 'a b' }] }] }), 2],
    [
      'a summary of its reasoning',
      'responses',
      responsesAnswer({ output: [{ type: 'reasoning', summary: [{ text: 'a b' }] }] }),
      2,
    ],
    ['a call', 'responses', responsesAnswer({ output: [{ type: 'function_call', arguments: '{"a": 1}' }] }), 2],
    ['letters of many bytes', 'chat', chatAnswer({ content: 'é 中 🙂' }), 3],
  ] as const)('counts %s', async (_, protocol, json, tokens) => {
    expect((await answered(json, { protocol })).outcome.usage.outputTokens).toBe(tokens)
  })

  test('costs nothing where nothing was said', async () => {
    const { outcome } = await answered(chatAnswer({ content: null }))
    expect(outcome).toMatchObject({ priceRule: 'nothing', estimated: true, billedNano: 0 })
  })
})

test('bytes go through as they are, but for the model’s name', async () => {
  const text = '{ "id":"c1","seed":9007199254740993,"model" : "up-model","choices":[],"x":1.0e2 }'
  const { responder } = await answered(text)
  expect(responder.wire()).toBe(text.replace('up-model', 'asked'))
})

test('its slots are free before its outcome is written', async () => {
  const written = Promise.withResolvers<void>()
  const run = world({ journal: { end: () => written.promise } })
  await settled()
  run.ports.upstream.last().answer(JSON_ANSWER)
  const delivered = deliver(run.answering, run.responder)
  await settled()
  expect(run.ports.heldNow()).toEqual([])
  expect(run.responder.wire()).toBe('')
  written.resolve()
  await delivered
  expect(run.responder.wire()).not.toBe('')
})

test('an answer that cannot be told in the caller’s protocol is an error of the upstream', async () => {
  const candidates = [fakeCandidate(1, { protocol: 'responses' })]
  const { responder, outcome } = await answered({ nothing: 'of the kind' }, {}, { candidates })
  expect(responder.errors).toMatchObject([{ code: 'upstream_invalid_response' }])
  expect(outcome).toMatchObject({ outcome: 'failed', status: 502, errorCode: 'upstream_invalid_response' })
})

describe('a caller who left when the answer had come', () => {
  test('pays for its usage and is told nothing', async () => {
    const run = world()
    await settled()
    run.ports.upstream.last().answer(JSON_ANSWER)
    const answer = await run.answering
    run.client.abort()
    await answer.deliver(run.responder)
    expect(run.responder.ends()).toBe(0)
    expect(run.ports.ends).toMatchObject([
      { outcome: 'client_closed', status: 499, priceRule: 'usage', billedNano: 14 },
    ])
    expectAllReleasedOnce(run.ports)
  })

  test('is not one whose server has to go', async () => {
    const run = world()
    await settled()
    run.ports.upstream.last().answer(JSON_ANSWER)
    const answer = await run.answering
    run.client.abort(new ShuttingDown())
    await answer.deliver(run.responder)
    expect(JSON.parse(run.responder.wire())).toEqual(JSON_ANSWER)
    expect(run.ports.ends).toMatchObject([{ outcome: 'completed' }])
  })
})
