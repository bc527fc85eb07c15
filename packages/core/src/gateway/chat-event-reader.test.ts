import { describe, expect, test } from 'vitest'
import { createChatEventReader } from './chat-event-reader.ts'
import type { EventKind } from './event-reader.ts'

function chunk(members: object): string {
  return `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', model: 'm', ...members })}\n\n`
}

function delta(members: object, finishReason: string | null = null): string {
  return chunk({ choices: [{ index: 0, delta: members, finish_reason: finishReason }] })
}

const ROLE = delta({ role: 'assistant', content: '' })
const HELLO = delta({ content: 'hello' })
const DONE = 'data: [DONE]\n\n'
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const GIVEN = { kind: 'given', usage: expect.objectContaining({ inputTokens: 3, outputTokens: 2 }) }

/** A reader that has read these events, and what each was. */
function read(events: string[], wantsUsageChunk = false) {
  const reader = createChatEventReader({ wantsUsageChunk })
  const kinds: EventKind[] = events.map((event) => reader.read(event))
  return { reader, kinds }
}

describe('an event of a chat stream', () => {
  test.each<[string, string, EventKind]>([
    ['a comment', ': ping\n\n', 'comment'],
    ['a role alone', ROLE, 'preamble'],
    ['a role with content null', delta({ role: 'assistant', content: null }), 'preamble'],
    ['a chunk without choices', chunk({ choices: [], prompt_filter_results: [] }), 'preamble'],
    ['content', HELLO, 'content'],
    ['a refusal', delta({ refusal: 'no' }), 'content'],
    ['reasoning', delta({ reasoning_content: 'hm' }), 'content'],
    ['reasoning by its other name', delta({ reasoning: 'hm' }), 'content'],
    ['a tool call', delta({ tool_calls: [{ index: 0, function: { name: 'f', arguments: '' } }] }), 'content'],
    ['a function call', delta({ function_call: { name: 'f' } }), 'content'],
    ['audio', delta({ audio: { id: 'a' } }), 'content'],
    ['content of a later choice', chunk({ choices: [{ delta: {} }, { delta: { content: 'x' } }] }), 'content'],
    ['a finish without any content', delta({}, 'stop'), 'content'],
    ['data that is no JSON', 'data: {"choices":[{"del\n\n', 'content'],
    ['data that is no object', 'data: 5\n\n', 'content'],
    ['the end', DONE, 'end'],
    ['the end in CRLF', 'data: [DONE]\r\n\r\n', 'end'],
    ['the end without a space', 'data:[DONE]\n\n', 'end'],
    ['a nested error', 'data: {"error":{"message":"no","code":"x"}}\n\n', 'error'],
    ['an error that is a text', 'data: {"error":"no"}\n\n', 'error'],
    ['a flat error', 'data: {"message":"no","code":"x"}\n\n', 'error'],
    ['an error member that is null', chunk({ error: null, choices: [{ delta: { content: 'x' } }] }), 'content'],
    ['an error with a name line', 'event: error\ndata: {"error":{"message":"no"}}\n\n', 'error'],
  ])('%s', (_, event, kind) => {
    expect(read([event]).kinds).toEqual([kind])
  })

  test.each<[string, string, EventKind]>([
    ['content', HELLO, 'content'],
    ['a chunk that says nothing', delta({}), 'content'],
    ['text about errors and usage', delta({ content: '"error" "usage"' }), 'content'],
    ['a nested error', 'data: {"error":{"message":"no","code":"x"}}\n\n', 'error'],
    ['a flat error', 'data: {"message":"no","code":"x"}\n\n', 'error'],
    ['the end', DONE, 'end'],
    ['data that is no JSON', 'data: {"usage"\n\n', 'content'],
  ])('behind visible output: %s', (_, event, kind) => {
    expect(read([ROLE, HELLO, event]).kinds).toEqual(['preamble', 'content', kind])
  })
})

describe('the usage', () => {
  const usageChunk = chunk({ choices: [], usage: USAGE })

  test.each([
    ['is kept from a caller who did not ask', false, 'extra_usage'],
    ['goes to a caller who asked', true, 'content'],
  ] as const)('of its own chunk %s', (_, wants, kind) => {
    const { reader, kinds } = read([HELLO, usageChunk, DONE], wants)
    expect(kinds[1]).toBe(kind)
    expect(reader.usage()).toEqual(GIVEN)
  })

  test('in the last chunk of content goes through with it', () => {
    const last = chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: USAGE })
    const { reader, kinds } = read([HELLO, last, DONE])
    expect(kinds).toEqual(['content', 'content', 'end'])
    expect(reader.usage()).toEqual(GIVEN)
    expect(reader.ending()).toBe('completed')
  })

  test('that is null in every chunk is no usage', () => {
    const { reader, kinds } = read([chunk({ choices: [{ delta: { content: 'x' } }], usage: null }), delta({}, 'stop')])
    expect(kinds).toEqual(['content', 'content'])
    expect(reader.usage()).toEqual({ kind: 'absent' })
  })

  test('is the last one told', () => {
    const first = chunk({ choices: [{ delta: { content: 'x' } }], usage: { prompt_tokens: 3, completion_tokens: 1 } })
    expect(read([first, usageChunk]).reader.usage()).toEqual(GIVEN)
  })

  test.each([
    ['is invalid where it makes no sense', [chunk({ choices: [], usage: { prompt_tokens: -1 } })], 'invalid'],
    ['is not lost to a later one that makes no sense', [usageChunk, chunk({ choices: [], usage: {} })], 'given'],
    ['takes the place of one that made no sense', [chunk({ choices: [], usage: {} }), usageChunk], 'given'],
  ])('%s', (_, events, kind) => {
    expect(read(events).reader.usage().kind).toBe(kind)
  })
})

describe('the ending', () => {
  test.each([
    ['stop', 'completed'],
    ['tool_calls', 'completed'],
    ['function_call', 'completed'],
    ['length', 'incomplete'],
    ['content_filter', 'incomplete'],
  ])('by finish_reason %s is %s, wherever it stands', (reason, ending) => {
    expect(read([delta({}, reason)]).reader.ending()).toBe(ending)
    expect(read([HELLO, delta({}, reason)]).reader.ending()).toBe(ending)
    expect(
      read([HELLO, `data: {"choices": [{"finish_reason" :  "${reason}" , "delta": {}}]}\n\n`]).reader.ending(),
    ).toBe(ending)
  })

  test('is unknown without a finish_reason', () => {
    expect(read([ROLE, HELLO, delta({ content: 'x' })]).reader.ending()).toBeNull()
  })

  test('is not told by text that looks like one', () => {
    expect(read([HELLO, delta({ content: '"finish_reason":"stop"' })]).reader.ending()).toBeNull()
  })

  test('is that of a later choice too', () => {
    const event = chunk({ choices: [{ finish_reason: null }, { finish_reason: 'length' }] })
    expect(read([HELLO, event]).reader.ending()).toBe('incomplete')
  })

  test('is failed after an error, whatever was said before', () => {
    const { reader } = read([HELLO, delta({}, 'stop'), 'data: {"error":{"message":"no","type":"t"}}\n\n'])
    expect(reader.ending()).toBe('failed')
    expect(reader.errorCode()).toBe('t')
  })
})

describe('the error for the caller', () => {
  test('is the upstream’s own where it is nested', () => {
    const event = 'data: {"error":{"message":"no","type":"t","param":"p","code":"c","more":1}}\n\n'
    expect(read([event]).reader.errorEvent(event)).toBe(event)
  })

  test.each([
    ['{"message":"no","type":"t","param":"p","code":"c"}', { message: 'no', type: 't', param: 'p', code: 'c' }],
    ['{"message":"no"}', { message: 'no', type: 'upstream_error', param: null, code: null }],
    ['{"error":"no"}', { message: 'no', type: 'upstream_error', param: null, code: null }],
  ])('is nested where it was %s', (data, error) => {
    const event = `data: ${data}\n\n`
    const told = read([event]).reader.errorEvent(event)
    expect(told.endsWith('\n\n')).toBe(true)
    expect(JSON.parse(told.slice('data: '.length))).toEqual({ error })
  })

  test.each([
    ['{"error":{"code":"c","type":"t"}}', 'c'],
    ['{"error":{"code":null,"type":"t"}}', 't'],
    ['{"error":{"code":429}}', '429'],
    ['{"error":{}}', null],
  ])('has the code of %s', (data, code) => {
    expect(read([`data: ${data}\n\n`]).reader.errorCode()).toBe(code)
  })
})

test('the id of the answer is that of its first chunk, made fit to be recorded', () => {
  expect(read([ROLE, 'data: {"id":"other","choices":[]}\n\n']).reader.responseId()).toBe('chatcmpl-1')
  expect(read([DONE]).reader.responseId()).toBeNull()
  const long = `data: ${JSON.stringify({ id: `\u0000${'x'.repeat(5_000)}`, choices: [] })}\n\n`
  expect(read([long]).reader.responseId()).toBe(`?${'x'.repeat(127)}`)
})

test('output is visible from the first text on', () => {
  expect(read([ROLE]).reader.hasVisibleOutput()).toBe(false)
  expect(read([ROLE, HELLO]).reader.hasVisibleOutput()).toBe(true)
})

test('the service tier is the last one an event names', () => {
  const named = (tier: unknown) => `data: ${JSON.stringify({ id: 'c', service_tier: tier, choices: [] })}\n\n`
  expect(read([ROLE]).reader.serviceTier()).toBeNull()
  expect(read([named('auto'), named('flex'), named(null)]).reader.serviceTier()).toBe('flex')
})
