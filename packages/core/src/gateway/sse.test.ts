import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSseSplitter, eventData, MAX_EVENT_BYTES } from './sse.ts'

/** The events of a stream that comes in these pieces, and what is left over. */
function split(pieces: string[]): { events: string[]; rest: string } {
  const events: string[] = []
  const splitter = createSseSplitter((event) => events.push(event))
  for (const piece of pieces) expect(splitter.push(piece)).toBe(true)
  return { events, rest: splitter.rest() }
}

const line = fc.oneof(
  fc.constantFrom('data: {"a":1}', 'event: x', ': ping', 'data:', 'id: 1', 'data: [DONE]'),
  fc.stringMatching(/^data: [ -~]{0,20}$/),
)
const ending = fc.constantFrom('\n', '\r\n')
const stream = fc
  .array(fc.tuple(fc.array(fc.tuple(line, ending), { minLength: 1, maxLength: 3 }), ending), { maxLength: 6 })
  .map((events) => events.map(([lines, blank]) => lines.map(([text, end]) => text + end).join('') + blank).join(''))

/** A stream and where to cut it. */
const cutStream = stream.chain((text) =>
  fc
    .uniqueArray(fc.nat({ max: text.length }), { maxLength: 12 })
    .map((cuts) => ({ text, cuts: cuts.toSorted((a, b) => a - b) })),
)

function pieces(text: string, cuts: number[]): string[] {
  return [...cuts, text.length].map((cut, i) => text.slice(cuts[i - 1] ?? 0, cut))
}

describe('a byte stream', () => {
  test('gives the same events however it is cut, and loses no byte', () => {
    fc.assert(
      fc.property(cutStream, ({ text, cuts }) => {
        const whole = split([text])
        expect(split(pieces(text, cuts))).toEqual(whole)
        expect(split([...text])).toEqual(whole)
        expect(whole.events.join('') + whole.rest).toBe(text)
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['LF', 'data: a\n\ndata: b\n\n', ['data: a\n\n', 'data: b\n\n']],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n', ['data: a\r\n\r\n', 'data: b\r\n\r\n']],
    ['both', 'data: a\r\n\ndata: b\n\r\ndata: c\n\n', ['data: a\r\n\n', 'data: b\n\r\n', 'data: c\n\n']],
    ['comments between', ': ping\n\ndata: a\n\n', [': ping\n\n', 'data: a\n\n']],
    ['a comment of one line before', ': ping\ndata: a\n\n', [': ping\ndata: a\n\n']],
    ['several lines of data', 'event: x\ndata: 1\ndata: 2\n\n', ['event: x\ndata: 1\ndata: 2\n\n']],
  ])('is cut at blank lines: %s', (_, text, events) => {
    expect(split([text])).toEqual({ events, rest: '' })
  })

  test('keeps what has no blank line yet', () => {
    expect(split(['data: a\n\ndata: b\n'])).toEqual({ events: ['data: a\n\n'], rest: 'data: b\n' })
  })

  test('one byte at a time takes time in proportion to its length', () => {
    const event = `data: ${'x'.repeat(4 * 1024 * 1024)}\n\n`
    const events: string[] = []
    const splitter = createSseSplitter((whole) => events.push(whole))
    const startedAt = performance.now()
    for (const byte of event) splitter.push(byte)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect(events).toEqual([event])
  })

  test('holds an event of 8 MiB and refuses one byte more', () => {
    expect(MAX_EVENT_BYTES).toBe(8 * 1024 * 1024)
    const splitter = createSseSplitter(() => {})
    expect(splitter.push('x'.repeat(MAX_EVENT_BYTES - 1))).toBe(true)
    expect(splitter.push('x')).toBe(true)
    expect(splitter.push('x')).toBe(false)
  })

  test('the bound is an event’s, not the stream’s', () => {
    const splitter = createSseSplitter(() => {}, 10)
    for (let i = 0; i < 100; i++) expect(splitter.push('data: 1\n\n')).toBe(true)
    expect(splitter.push('data: 12345')).toBe(false)
  })

  test.each([
    ['', false],
    ['data: a\n\n', false],
    ['data: ', true],
    ['d', true],
    ['data: a\n\ndata:', true],
    [': ping', false],
    [': ping\n', false],
    [': ping\n\n', false],
  ])('after %j an event has begun: %s', (bytes, inside) => {
    const splitter = createSseSplitter(() => {})
    splitter.push(bytes)
    expect(splitter.isInsideEvent()).toBe(inside)
  })
})

describe('the data of an event', () => {
  test.each([
    ['data: {"a":1}\n\n', '{"a":1}'],
    ['data:{"a":1}\n\n', '{"a":1}'],
    ['data: {"a":1}\r\n\r\n', '{"a":1}'],
    ['data:  two spaces\n\n', ' two spaces'],
    ['event: x\ndata: 1\n\n', '1'],
    ['event: x\r\ndata: 1\r\ndata: 2\r\n\r\n', '1\n2'],
    ['data: 1\nevent: x\n\n', '1'],
    ['data: 1\ndata: 2\n\n', '1\n2'],
    ['data:\n\n', ''],
    ['data: \n\n', ''],
    [': ping\ndata: 1\n\n', '1'],
    [': ping\n\n', null],
    ['\n\n', null],
    ['event: x\nid: 5\nretry: 10\n\n', null],
    ['database: 1\n\n', null],
  ])('of %j is %j', (event, data) => {
    expect(eventData(event)).toBe(data)
  })
})
