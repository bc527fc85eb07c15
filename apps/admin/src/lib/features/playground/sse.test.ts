import { expect, test } from 'vitest'
import { createSseReader } from './sse.ts'

const STREAM = ': hello\n\nevent: a\ndata: {"x":1}\n\ndata: one\ndata: two\n\nevent: nothing\n\ndata: [DONE]\n\n'
const EVENTS = [
  { event: 'a', data: '{"x":1}' },
  { event: 'message', data: 'one\ntwo' },
  { event: 'message', data: '[DONE]' },
]

test.each([1, 2, 7, 1000])('events are the same in pieces of %d characters', (size) => {
  const reader = createSseReader()
  const pieces = STREAM.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
  expect(pieces.flatMap(reader.push)).toEqual(EVENTS)
})

test('lines may end as Windows ends them', () => {
  expect(createSseReader().push(STREAM.replaceAll('\n', '\r\n'))).toEqual(EVENTS)
})

test('an event that has not ended is not told', () => {
  const reader = createSseReader()
  expect(reader.push('data: half')).toEqual([])
  expect(reader.push('\n\n')).toEqual([{ event: 'message', data: 'half' }])
})
