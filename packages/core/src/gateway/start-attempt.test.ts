import { describe, expect, test } from 'vitest'
import type { Attempt, OpenStream } from './attempt.ts'
import { MAX_EVENT_BYTES } from './sse.ts'
import { PREAMBLE_HOLD_MS } from './start-attempt.ts'
import { begin } from './testing/begun-attempt.ts'
import { FIRST_BYTE_MS, IDLE_MS, TOTAL_MS } from './testing/fake-call.ts'

const PREAMBLE = chunk('{"role":"assistant","content":""}')
const TEXT = chunk('{"content":"one"}')
const MORE = chunk('{"content":"two"}')
const DONE = 'data: [DONE]\n\n'
const ERROR = 'data: {"error":{"message":"no","code":"server_is_overloaded"}}\n\n'
const PING = ': ping\n\n'

function chunk(delta: string): string {
  return `data: {"id":"c1","choices":[{"index":0,"delta":${delta},"finish_reason":null}]}\n\n`
}

async function streamOf({ opening }: Attempt): Promise<OpenStream> {
  const opened = await opening
  if (opened.kind !== 'stream') throw new Error(`no stream but ${opened.kind}`)
  return opened.stream
}

/** Consumes a stream and writes down what came. */
function listen(stream: OpenStream, onEvent: (event: string) => void = () => {}) {
  const heard: string[] = []
  stream.consume({
    onEvent(event) {
      heard.push(event)
      onEvent(event)
    },
    onFlush() {},
    onEnd: () => void heard.push('end'),
    onBreak: (reason) => void heard.push(`break: ${reason}`),
  })
  return heard
}

/** A stream that flows: its first text is consumed. */
async function flowing() {
  const begun = begin()
  begun.call.stream(TEXT)
  const stream = await streamOf(begun.attempt)
  return { ...begun, stream, heard: listen(stream) }
}

describe('the first byte', () => {
  test.each([
    ['nothing at all', () => {}],
    ['headers', ({ call }: ReturnType<typeof begin>) => call.stream()],
    ['keep-alive comments', ({ call }: ReturnType<typeof begin>) => call.stream(PING, PING)],
  ])('is waited for 300 s, whatever its upstream says before: %s', async (_, say) => {
    const begun = begin()
    say(begun)
    begun.clock.advance(FIRST_BYTE_MS - 1)
    expect(await begun.isOpen()).toBe(false)
    begun.clock.advance(1)
    expect(await begun.attempt.opening).toEqual({
      kind: 'failed',
      failure: { kind: 'first_byte_timeout' },
      isCut: false,
    })
    expect(begun.call.isAborted).toBe(true)
    expect(begun.clock.pending()).toBe(0)
  })

  test('is not put off by comments that keep coming', async () => {
    const { attempt, call, clock } = begin()
    call.stream()
    for (let ms = 0; ms < FIRST_BYTE_MS; ms += 15_000) {
      call.data(PING)
      clock.advance(15_000)
    }
    expect(await attempt.opening).toMatchObject({ failure: { kind: 'first_byte_timeout' } })
  })
})

describe('before an answer', () => {
  test.each([
    ['unreachable', 'unreachable'],
    ['lost', 'lost'],
    ['too_large', 'lost'],
  ] as const)('a connection that is %s fails as %s', async (kind, failure) => {
    const { attempt, call, clock } = begin()
    call.error(kind)
    expect(await attempt.opening).toEqual({ kind: 'failed', failure: { kind: failure }, isCut: true })
    expect(clock.pending()).toBe(0)
  })

  test('an end without headers, or without an event, is a loss', async () => {
    const bare = begin()
    bare.call.end()
    expect(await bare.attempt.opening).toMatchObject({ failure: { kind: 'lost' } })
    const empty = begin()
    empty.call.stream()
    empty.call.end()
    expect(await empty.attempt.opening).toMatchObject({ failure: { kind: 'lost' } })
  })

  test('an abort cancels the upstream call and leaves no timer', async () => {
    const { attempt, call, clock } = begin()
    attempt.abort()
    attempt.abort()
    expect(await attempt.opening).toMatchObject({ kind: 'failed' })
    expect(call.isAborted).toBe(true)
    expect(clock.pending()).toBe(0)
  })
})

describe('a preamble', () => {
  test('is held until the next event, at most one second', async () => {
    const { attempt, call, clock, isOpen: hasOpened } = begin()
    call.stream(PREAMBLE)
    clock.advance(PREAMBLE_HOLD_MS - 1)
    expect(await hasOpened()).toBe(false)
    clock.advance(1)
    expect(listen(await streamOf(attempt))).toEqual([PREAMBLE])
  })

  test('goes first when text follows', async () => {
    const { attempt, call } = begin()
    call.stream(PREAMBLE)
    call.data(TEXT)
    expect(listen(await streamOf(attempt))).toEqual([PREAMBLE, TEXT])
  })

  test('followed by an error is a failure, with what came before it', async () => {
    const { attempt, call, clock } = begin()
    call.stream(PREAMBLE, ERROR)
    expect(await attempt.opening).toMatchObject({
      kind: 'failed',
      failure: { kind: 'error_event', code: 'server_is_overloaded', event: ERROR, preambles: [PREAMBLE] },
    })
    expect(call.isAborted).toBe(true)
    expect(clock.pending()).toBe(0)
  })

  test('followed by the end of the transfer is a loss too', async () => {
    const { attempt, call, clock } = begin()
    call.stream(PREAMBLE)
    call.end()
    expect(await attempt.opening).toEqual({ kind: 'failed', failure: { kind: 'lost' }, isCut: true })
    expect(clock.pending()).toBe(0)
  })

  test('followed by a lost connection is a loss', async () => {
    const { attempt, call } = begin()
    call.stream(PREAMBLE)
    call.error('lost')
    expect(await attempt.opening).toEqual({ kind: 'failed', failure: { kind: 'lost' }, isCut: true })
  })
})

describe('an open stream', () => {
  test('gives what came before anybody listened, in its order', async () => {
    const { attempt, call } = begin()
    call.stream(TEXT, MORE, DONE)
    const stream = await streamOf(attempt)
    expect(call.isPaused).toBe(true)
    expect(listen(stream)).toEqual([TEXT, MORE, DONE])
    expect(call.isPaused).toBe(false)
  })

  test('stays held back by a consumer who pauses at what was held', async () => {
    const { attempt, call, clock } = begin()
    call.stream(TEXT)
    const stream = await streamOf(attempt)
    const heard = listen(stream, () => stream.pause())
    expect(call.isPaused).toBe(true)
    clock.advance(2 * IDLE_MS)
    expect(heard).toEqual([TEXT])
    stream.resume()
    expect(call.isPaused).toBe(false)
  })

  test('breaks after 180 s of silence, to the millisecond', async () => {
    const { heard, clock, call } = await flowing()
    clock.advance(IDLE_MS - 1)
    expect(heard).toEqual([TEXT])
    clock.advance(1)
    expect(heard).toEqual([TEXT, 'break: stalled'])
    expect(call.isAborted).toBe(true)
    expect(clock.pending()).toBe(0)
  })

  test.each([
    ['an event', MORE, false],
    ['part of an event', 'data: {"id"', false],
    ['a comment', PING, true],
    ['part of a comment', ': pi', true],
  ])('that says %s half-way through a silence: broken %s', async (_, bytes, isBroken) => {
    const { heard, clock, call } = await flowing()
    clock.advance(IDLE_MS / 2)
    call.data(bytes)
    clock.advance(IDLE_MS / 2)
    expect(heard.includes('break: stalled')).toBe(isBroken)
  })

  test('that nobody reads is not silent; the silence begins when reading does', async () => {
    const { stream, heard, clock } = await flowing()
    stream.pause()
    clock.advance(3 * IDLE_MS)
    stream.resume()
    clock.advance(IDLE_MS - 1)
    expect(heard).toEqual([TEXT])
    clock.advance(1)
    expect(heard).toEqual([TEXT, 'break: stalled'])
  })

  test('is over after 30 minutes, however lively', async () => {
    const { heard, clock, call } = await flowing()
    for (let ms = 0; ms < TOTAL_MS; ms += 60_000) {
      call.data(MORE)
      clock.advance(60_000)
    }
    expect(heard.at(-1)).toBe('break: timeout')
    expect(clock.pending()).toBe(0)
  })

  test.each([
    ['lost', 'break: cut'],
    ['too_large', 'break: too_large'],
  ] as const)('whose connection is %s ends in %s', async (kind, ending) => {
    const { heard, call, clock } = await flowing()
    call.error(kind)
    expect(heard).toEqual([TEXT, ending])
    expect(clock.pending()).toBe(0)
  })

  test('with an event over 8 MiB breaks', async () => {
    const { heard, call } = await flowing()
    call.data(`data: ${'x'.repeat(MAX_EVENT_BYTES)}`)
    expect(heard).toEqual([TEXT, 'break: too_large'])
    expect(call.isAborted).toBe(true)
  })

  test('tells an error that comes after text as an event', async () => {
    const { heard, call } = await flowing()
    call.data(ERROR)
    expect(heard).toEqual([TEXT, ERROR])
  })

  test.each([
    ['nothing more', '', []],
    ['a whole event but for its blank line', MORE.trimEnd(), [MORE]],
    ['the end but for its blank line', 'data: [DONE]\n', ['data: [DONE]\n\n']],
    ['half an event', MORE.slice(0, 30), []],
  ])('that ends without its terminal event, with %s', async (_, rest, events) => {
    const { heard, call, stream } = await flowing()
    call.data(rest)
    call.end()
    expect(heard).toEqual([TEXT, ...events, 'end'])
    expect(stream.reader.ending()).toBeNull()
  })

  test('that broke before anybody listened says so after what it had', async () => {
    const { attempt, call } = begin()
    call.stream(TEXT)
    call.error('lost')
    expect(listen(await streamOf(attempt))).toEqual([TEXT, 'break: cut'])
  })

  test('that is whole gets a second to end its transfer, and is heard no more', async () => {
    const { heard, stream, call, clock } = await flowing()
    stream.settle()
    call.data(MORE)
    clock.advance(999)
    expect(call.isAborted).toBe(false)
    clock.advance(1)
    expect(call.isAborted).toBe(true)
    expect(heard).toEqual([TEXT])
    expect(clock.pending()).toBe(0)
  })
})

test('the moments of an attempt are kept', async () => {
  const { attempt, call, clock } = begin()
  clock.advance(10)
  call.sent()
  clock.advance(20)
  call.head(200, { 'content-type': 'text/event-stream' })
  clock.advance(30)
  call.data(TEXT)
  await attempt.opening
  expect(attempt.times).toMatchObject({ startedAt: 0, sentAt: 10, firstByteAt: 60, status: 200 })
})
