import { describe, expect, test } from 'vitest'
import { MAX_ERROR_BODY_BYTES, MAX_JSON_ANSWER_BYTES } from './start-attempt.ts'
import { begin, isOpen } from './testing/begun-attempt.ts'
import { FIRST_BYTE_MS, IDLE_MS } from './testing/fake-call.ts'

describe('a JSON answer', () => {
  test('is opened when it is whole', async () => {
    const { attempt, call, clock } = begin({ wantsStream: false })
    call.head(200, { 'content-type': 'application/json' })
    call.data('{"id":')
    call.data('"c1"}')
    call.end()
    expect(await attempt.opening).toMatchObject({ kind: 'json', status: 200, text: '{"id":"c1"}', json: { id: 'c1' } })
    expect(clock.pending()).toBe(0)
  })

  test.each(['', 'no json', '[1]', '"text"', '{"id":'])('that is %j cannot be used', async (body) => {
    const { attempt, call } = begin({ wantsStream: false })
    call.answer(body)
    expect(await attempt.opening).toEqual({
      kind: 'failed',
      failure: { kind: 'unusable', code: 'upstream_invalid_response' },
      isCut: false,
    })
  })

  test('over 64 MiB is too large', async () => {
    const { attempt, call } = begin({ wantsStream: false })
    call.head(200, { 'content-type': 'application/json' })
    call.data('x'.repeat(MAX_JSON_ANSWER_BYTES))
    expect(await isOpen(attempt)).toBe(false)
    call.data('x')
    expect(await attempt.opening).toMatchObject({ failure: { kind: 'unusable', code: 'upstream_too_large' } })
    expect(call.isAborted).toBe(true)
  })

  test('that is cut was paid for and is final', async () => {
    const { attempt, call } = begin({ wantsStream: false })
    call.head(200, { 'content-type': 'application/json' })
    call.data('{"id"')
    call.error('lost')
    expect(await attempt.opening).toMatchObject({ failure: { kind: 'unusable' }, isCut: true })
  })

  test('that falls silent half-way has stalled', async () => {
    const { attempt, call, clock } = begin({ wantsStream: false })
    call.head(200, { 'content-type': 'application/json' })
    call.data('{"id"')
    clock.advance(IDLE_MS)
    expect(await attempt.opening).toMatchObject({ failure: { kind: 'stalled' } })
  })
})

describe('an error body', () => {
  test.each([
    ['whole', (call: ReturnType<typeof begin>['call']) => call.end()],
    ['cut', (call: ReturnType<typeof begin>['call']) => call.error('lost')],
  ])('that is %s comes with its status', async (_, finish) => {
    const { attempt, call, clock } = begin()
    call.head(429, { 'retry-after': '3' })
    call.data('{"error":{}}')
    finish(call)
    expect(await attempt.opening).toEqual({
      kind: 'failed',
      failure: { kind: 'status', status: 429, headers: { 'retry-after': '3' }, body: '{"error":{}}' },
      isCut: false,
    })
    expect(clock.pending()).toBe(0)
  })

  test('that falls silent is used as far as it came', async () => {
    const { attempt, call, clock } = begin()
    call.head(503)
    call.data('half')
    clock.advance(IDLE_MS)
    expect(await attempt.opening).toMatchObject({ failure: { kind: 'status', status: 503, body: 'half' } })
  })

  test('of which nothing comes is its status', async () => {
    const { attempt, call, clock } = begin()
    call.head(429)
    clock.advance(FIRST_BYTE_MS)
    expect(await attempt.opening).toMatchObject({ failure: { kind: 'status', status: 429, body: '' } })
  })

  test('is read no further than 64 KiB', async () => {
    const { attempt, call } = begin()
    call.head(500)
    call.data('x'.repeat(MAX_ERROR_BODY_BYTES + 1))
    expect(await attempt.opening).toMatchObject({ failure: { kind: 'status', status: 500 } })
    expect(call.isAborted).toBe(true)
  })
})
