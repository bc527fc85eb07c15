import type { EventKind, EventReader } from './event-reader.ts'
import type { AttemptFailure } from './failover.ts'
import { isObject, type JsonObject, parseJson } from './json.ts'
import type { Cancel, Clock, Timeouts, Upstream, UpstreamCall, UpstreamRequest } from './ports.ts'
import type { Headers } from './retry-after.ts'
import { createSseSplitter, eventData } from './sse.ts'

/** Longest JSON answer, and longest error body that is read for its code. */
export const MAX_JSON_ANSWER_BYTES = 64 * 1024 * 1024
export const MAX_ERROR_BODY_BYTES = 64 * 1024
/** Preambles are held this long, so that an account that fails right after them can still be replaced. */
export const PREAMBLE_HOLD_MS = 1_000
/** After its closing event an upstream gets this long to end the transfer. */
const SETTLE_MS = 1_000

/** Why an open stream broke. */
export type StreamBreak = 'cut' | 'stalled' | 'too_large' | 'timeout'

/** Who consumes an open stream: whole events, one by one, then `onFlush` once for those that arrived together. */
export interface StreamConsumer {
  onEvent(event: string, kind: EventKind): void
  onFlush(): void
  /** The transfer ended cleanly; whether the answer did is the reader's to say. */
  onEnd(): void
  onBreak(reason: StreamBreak): void
}

export interface OpenStream {
  reader: EventReader
  /** Starts the flow; events held until now come first, synchronously. */
  consume(consumer: StreamConsumer): void
  pause(): void
  resume(): void
  /** The answer is whole: reads on shortly for the end of the transfer, so that the connection can be used again. */
  settle(): void
  abort(): void
}

export type Opening =
  | { kind: 'stream'; status: number; headers: Headers; stream: OpenStream; openedAt: number }
  | { kind: 'json'; status: number; headers: Headers; text: string; json: JsonObject; lastByteAt: number }
  | { kind: 'failed'; failure: AttemptFailure; isCut: boolean }

/** Monotonic moments of one attempt. */
export interface AttemptTimes {
  startedAt: number
  sentAt: number | null
  firstByteAt: number | null
  status: number | null
  headers: Headers
}

export interface Attempt {
  /** Resolves when the first upstream event is in hand, or the attempt has failed; never rejects. */
  opening: Promise<Opening>
  times: AttemptTimes
  /** The caller left, or nobody wants the answer any more. */
  abort(): void
}

interface AttemptInput {
  request: UpstreamRequest
  timeouts: Timeouts
  wantsStream: boolean
  createReader: () => EventReader
  clock: Clock
  upstream: Upstream
}

/** One try against one account, up to the moment from which there is no way back. */
export function startAttempt({ request, timeouts, wantsStream, createReader, clock, upstream }: AttemptInput): Attempt {
  const opened = Promise.withResolvers<Opening>()
  const times: AttemptTimes = {
    startedAt: clock.monotonic(),
    sentAt: null,
    firstByteAt: null,
    status: null,
    headers: {},
  }
  const reader = createReader()
  const splitter = createSseSplitter(onEvent)
  let phase: 'waiting' | 'json' | 'error' | 'held' | 'flowing' | 'over' = 'waiting'
  let isStream = false
  let pieces: string[] = []
  let size = 0
  let held: { event: string; kind: EventKind }[] = []
  let consumer: StreamConsumer | null = null
  let ending: { kind: 'end' } | { kind: 'break'; reason: StreamBreak } | null = null
  let paused = false
  let lastDataAt = times.startedAt
  let sawData = false
  let cancelHold: Cancel | null = null

  const cancelTotal = clock.after(timeouts.totalMs, () => onBroken('timeout'))
  let cancelIdle = clock.after(timeouts.firstByteMs, onSilence)
  const call: UpstreamCall = upstream.open(request, { onSent, onHeaders, onData, onEnd, onError })

  function onSent(): void {
    times.sentAt = clock.monotonic()
  }

  function onHeaders(status: number, headers: Headers): void {
    times.status = status
    times.headers = headers
    if (status < 200 || status >= 300) phase = 'error'
    else {
      const type = String(headers['content-type'] ?? '')
      isStream = type.includes('text/event-stream') || (wantsStream && !type.includes('json'))
      phase = isStream ? 'held' : 'json'
    }
  }

  function onData(bytes: string): void {
    times.firstByteAt ??= clock.monotonic()
    if (phase === 'held' || phase === 'flowing') {
      const fits = splitter.push(bytes)
      if (splitter.isInsideEvent()) tookData()
      consumer?.onFlush()
      if (!fits) onBroken('too_large')
    } else if (phase === 'json' || phase === 'error') collect(bytes)
  }

  function tookData(): void {
    lastDataAt = clock.monotonic()
    sawData = true
  }

  function collect(bytes: string): void {
    tookData()
    pieces.push(bytes)
    size += bytes.length
    if (phase === 'error' && size > MAX_ERROR_BODY_BYTES) return failWithStatus()
    if (size > MAX_JSON_ANSWER_BYTES) fail({ kind: 'unusable', code: 'upstream_too_large' }, false)
  }

  function onEvent(event: string): void {
    const kind = reader.read(event)
    if (kind !== 'comment') tookData()
    else if (phase === 'held') return
    if (phase === 'flowing') return consumer?.onEvent(event, kind)
    if (phase !== 'held') return
    if (kind === 'error' && !reader.hasVisibleOutput()) {
      const code = reader.errorCode()
      const preambles = held.map((earlier) => earlier.event)
      return fail({ kind: 'error_event', code, headers: times.headers, event, preambles, reader }, false)
    }
    held.push({ event, kind })
    if (kind !== 'preamble') return openStream()
    cancelHold ??= clock.after(PREAMBLE_HOLD_MS, openStream)
  }

  function onEnd(): void {
    if (phase === 'error') return failWithStatus()
    if (phase === 'json') return openJson()
    const rest = splitter.rest()
    if (isWholeEvent(rest)) onEvent(`${rest}\n\n`)
    if (phase === 'held') {
      return held.length > 0 ? endStream({ kind: 'end' }) : fail({ kind: 'lost' }, true)
    }
    if (phase === 'flowing') return endStream({ kind: 'end' })
    if (phase === 'waiting') fail({ kind: 'lost' }, true)
  }

  function onError(kind: 'unreachable' | 'lost' | 'too_large'): void {
    if (phase === 'waiting') return fail({ kind: kind === 'unreachable' ? 'unreachable' : 'lost' }, true)
    if (phase === 'error') return failWithStatus()
    onBroken(kind === 'too_large' ? 'too_large' : 'cut')
  }

  function onSilence(): void {
    if (phase === 'over') return
    const limitMs = sawData ? timeouts.idleMs : timeouts.firstByteMs
    const silentMs = clock.monotonic() - lastDataAt
    // While we hold the upstream back, its silence is ours.
    const leftMs = paused ? limitMs : limitMs - silentMs
    if (leftMs > 0) cancelIdle = clock.after(leftMs, onSilence)
    else onBroken('stalled')
  }

  function onBroken(reason: StreamBreak): void {
    if (phase === 'over') return
    if (phase === 'flowing') return endStream({ kind: 'break', reason })
    if (!sawData) {
      const isSilent = reason === 'stalled' || reason === 'timeout'
      return fail({ kind: isSilent ? 'first_byte_timeout' : 'lost' }, !isSilent)
    }
    if (phase === 'error') return failWithStatus()
    if (reason === 'too_large') return fail({ kind: 'unusable', code: 'upstream_too_large' }, false)
    if (reason === 'cut' && phase === 'json') return fail({ kind: 'unusable', code: 'upstream_invalid_response' }, true)
    fail({ kind: reason === 'cut' ? 'lost' : 'stalled' }, reason === 'cut')
  }

  function failWithStatus(): void {
    fail({ kind: 'status', status: times.status ?? 0, headers: times.headers, body: pieces.join('') }, false)
  }

  function fail(failure: AttemptFailure, isCut: boolean): void {
    stop()
    opened.resolve({ kind: 'failed', failure, isCut })
  }

  function openJson(): void {
    const lastByteAt = clock.monotonic()
    const text = pieces.join('')
    const json = parseJson(text)
    if (!isObject(json)) return fail({ kind: 'unusable', code: 'upstream_invalid_response' }, false)
    stop()
    opened.resolve({ kind: 'json', status: times.status ?? 200, headers: times.headers, text, json, lastByteAt })
  }

  function openStream(): void {
    if (phase !== 'held') return
    cancelHold?.()
    phase = 'flowing'
    // The rest of this chunk's events must wait until somebody consumes them.
    if (consumer === null) consumer = holdingConsumer()
    opened.resolve({
      kind: 'stream',
      status: times.status ?? 200,
      headers: times.headers,
      openedAt: clock.monotonic(),
      stream: { reader, consume, pause, resume, settle, abort },
    })
  }

  function holdingConsumer(): StreamConsumer {
    pause()
    return {
      onEvent: (event, kind) => void held.push({ event, kind }),
      onFlush() {},
      onEnd() {},
      onBreak() {},
    }
  }

  function consume(next: StreamConsumer): void {
    consumer = next
    for (const { event, kind } of held) next.onEvent(event, kind)
    held = []
    next.onFlush()
    if (ending !== null) tellEnding(ending)
    else resume()
  }

  function endStream(how: NonNullable<typeof ending>): void {
    if (phase === 'held') openStream()
    ending = how
    stop()
    tellEnding(how)
  }

  function tellEnding(how: NonNullable<typeof ending>): void {
    if (how.kind === 'end') consumer?.onEnd()
    else consumer?.onBreak(how.reason)
  }

  function pause(): void {
    if (paused || phase === 'over') return
    paused = true
    call.pause()
  }

  function resume(): void {
    if (!paused || phase === 'over') return
    paused = false
    lastDataAt = clock.monotonic()
    call.resume()
  }

  function settle(): void {
    if (phase === 'over') return
    consumer = null
    cancelIdle()
    cancelIdle = clock.after(SETTLE_MS, abort)
    resume()
  }

  function abort(): void {
    if (phase === 'over') return
    stop()
    opened.resolve({ kind: 'failed', failure: { kind: 'lost' }, isCut: true })
  }

  function stop(): void {
    const wasOver = phase === 'over'
    phase = 'over'
    cancelTotal()
    cancelIdle()
    cancelHold?.()
    pieces = []
    if (!wasOver) call.abort()
  }

  return { opening: opened.promise, times, abort }
}

/** Some servers leave out the last blank line; half an event must still not pass for a whole one. */
function isWholeEvent(rest: string): boolean {
  const data = eventData(`${rest}\n\n`)
  return data !== null && (data.trim() === '[DONE]' || parseJson(data) !== undefined)
}
