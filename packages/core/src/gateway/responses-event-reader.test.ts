import { describe, expect, test } from 'vitest'
import type { EventKind } from './event-reader.ts'
import { createResponsesEventReader } from './responses-event-reader.ts'

function event(type: string, members: object = {}, sequence = 0): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence, ...members })}\n\n`
}

/** The same event as servers write it that leave the name line out. */
function unnamed(text: string): string {
  return text.slice(text.indexOf('\n') + 1)
}

const CREATED = event('response.created', { response: { id: 'resp_1', status: 'in_progress', usage: null } })
const DELTA = event('response.output_text.delta', { delta: 'hello' }, 1)
const USAGE = { input_tokens: 3, output_tokens: 2 }

function ended(status: string, response: object = {}): string {
  return event(`response.${status}`, { response: { id: 'resp_1', status, usage: USAGE, ...response } }, 2)
}

/** A reader that has read these events, and what each was. */
function read(events: string[]) {
  const reader = createResponsesEventReader()
  const kinds: EventKind[] = events.map((text) => reader.read(text))
  return { reader, kinds }
}

describe('an event of a Responses stream', () => {
  test.each<[string, string, EventKind]>([
    ['response.created', CREATED, 'preamble'],
    ['response.queued', event('response.queued', { response: {} }), 'preamble'],
    ['response.in_progress', event('response.in_progress', { response: {} }), 'preamble'],
    ['a delta of text', DELTA, 'content'],
    ['an added item', event('response.output_item.added', { item: {} }), 'content'],
    ['an unknown event', event('response.something_new'), 'content'],
    ['response.completed', ended('completed'), 'end'],
    ['response.incomplete', ended('incomplete'), 'end'],
    ['response.failed', ended('failed'), 'error'],
    ['response.cancelled', ended('cancelled'), 'error'],
    ['a bare error', event('error', { code: 'c', message: 'm' }), 'error'],
  ])('%s, with and without its name line', (_, text, kind) => {
    expect(read([text]).kinds).toEqual([kind])
    expect(read([unnamed(text)]).kinds).toEqual([kind])
    expect(read([text.replaceAll('\n', '\r\n')]).kinds).toEqual([kind])
  })

  test.each<[string, string, EventKind]>([
    ['a comment', ': ping\n\n', 'comment'],
    ['a name without a space', 'event:response.created\ndata:{"response":{}}\n\n', 'preamble'],
    ['a comment line before', ': ping\nevent: response.completed\ndata: {"response":{}}\n\n', 'end'],
    ['its name behind its data', 'data: {"response":{}}\nevent: response.completed\n\n', 'end'],
    ['a name that says nothing', 'event: message\ndata: {"type":"response.completed","response":{}}\n\n', 'end'],
    [
      'a type behind long members',
      `data: {"x":"${'y'.repeat(400)}","type":"response.completed","response":{}}\n\n`,
      'end',
    ],
    [
      'a type of an item before its own',
      'data: {"item":{"type":"message"},"type":"response.output_item.done"}\n\n',
      'content',
    ],
    ['an end that cannot be read', 'event: response.completed\ndata: {"respon\n\n', 'error'],
    ['an end without its response', 'event: response.completed\ndata: {}\n\n', 'error'],
    ['data that is no object', 'data: [1]\n\n', 'content'],
    [
      'text that looks like an end',
      event('response.output_text.delta', { delta: '"type":"response.completed"' }),
      'content',
    ],
  ])('%s', (_, text, kind) => {
    expect(read([text]).kinds).toEqual([kind])
  })
})

test.each([
  ['completed', 'completed'],
  ['incomplete', 'incomplete'],
  ['failed', 'failed'],
  ['cancelled', 'failed'],
])('response.%s ends it as %s, with the usage it gives', (status, ending) => {
  const { reader } = read([CREATED, DELTA, ended(status)])
  expect(reader.ending()).toBe(ending)
  expect(reader.usage()).toMatchObject({ kind: 'given', usage: { inputTokens: 3, outputTokens: 2 } })
})

test('without its last event the ending and the usage are unknown', () => {
  const { reader } = read([CREATED, DELTA])
  expect(reader.ending()).toBeNull()
  expect(reader.usage()).toEqual({ kind: 'absent' })
})

test('a usage that makes no sense is invalid', () => {
  expect(read([ended('completed', { usage: { input_tokens: 'x' } })]).reader.usage()).toEqual({ kind: 'invalid' })
})

describe('visible output', () => {
  test.each([
    [CREATED, false],
    [event('response.output_item.added', { item: { type: 'message' } }), false],
    [event('response.content_part.added', { part: {} }), false],
    [DELTA, true],
    [event('response.function_call_arguments.delta', { delta: '{' }), true],
    [event('response.image_generation_call.partial_image', {}), true],
    [event('response.output_item.done', { item: {} }), true],
  ])('%#', (text, visible) => {
    expect(read([text]).reader.hasVisibleOutput()).toBe(visible)
  })
})

describe('the number of the next event', () => {
  test.each([
    ['is 0 before the first', [], 0],
    ['follows the last one read', [CREATED, event('response.output_text.delta', { delta: 'x' }, 41)], 42],
    ['counts on where events have none', [DELTA, 'data: {"type":"response.x"}\n\n'], 3],
    ['is read behind spaces', ['data: {"type":"response.x", "sequence_number" : 7 }\n\n'], 8],
    ['is not taken from text', [event('response.output_text.delta', { delta: '"sequence_number":99' }, 5)], 6],
    ['is no comment’s', [DELTA, ': ping\n\n'], 2],
  ])('%s', (_, events, next) => {
    expect(read(events).reader.nextSequenceNumber()).toBe(next)
  })
})

describe('the error for the caller', () => {
  test('is the upstream’s own where it is a whole response', () => {
    const failed = ended('failed', { error: { code: 'server_error', message: 'no' } })
    const { reader } = read([failed])
    expect(reader.errorEvent(failed)).toBe(failed)
    expect(reader.errorCode()).toBe('server_error')
  })

  test.each([
    ['nested', { error: { code: 'c', message: 'no' } }],
    ['flat', { code: 'c', message: 'no' }],
  ])('is response.failed under its number where it was a bare error, %s', (_, members) => {
    const bare = event('error', members, 7)
    const { reader } = read([CREATED, bare])
    const told = reader.errorEvent(bare)
    expect(told.startsWith('event: response.failed\ndata: ')).toBe(true)
    expect(JSON.parse(told.slice(told.indexOf('{')))).toMatchObject({
      type: 'response.failed',
      sequence_number: 7,
      response: { id: 'resp_1', status: 'failed', error: { code: 'c', message: 'no' } },
    })
    expect(reader.errorCode()).toBe('c')
    expect(reader.ending()).toBe('failed')
  })
})

test('an end that cannot be read is told as a failure that can', () => {
  const broken = 'event: response.completed\ndata: {"response":{"id":"resp_1","sta\n\n'
  const { reader } = read([CREATED, DELTA, broken])
  const told = reader.errorEvent(broken)
  expect(reader.ending()).toBe('failed')
  expect(JSON.parse(told.slice(told.indexOf('{')))).toMatchObject({
    type: 'response.failed',
    sequence_number: 2,
    response: { id: 'resp_1', error: { code: 'upstream_failed', message: 'Upstream request failed' } },
  })
})

test('the id of the answer is made fit to be recorded', () => {
  expect(read([CREATED]).reader.responseId()).toBe('resp_1')
  expect(read([DELTA]).reader.responseId()).toBeNull()
  const long = event('response.created', { response: { id: 'x'.repeat(5_000) } })
  expect(read([long]).reader.responseId()).toBe('x'.repeat(128))
})

test('the service tier is the one the end of the answer names, not the one that was asked for', () => {
  const named = (type: string, tier: string) => {
    const response = { id: 'r', status: 'completed', service_tier: tier }
    return `event: ${type}\ndata: ${JSON.stringify({ type, response })}\n\n`
  }
  const created = named('response.created', 'auto')
  expect(read([created]).reader.serviceTier()).toBeNull()
  expect(read([created, named('response.completed', 'priority')]).reader.serviceTier()).toBe('priority')
})
