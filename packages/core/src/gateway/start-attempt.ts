import type { Attempt, AttemptTimes, Opening, OpenStream, StreamBreak, StreamConsumer } from './attempt.ts'
import { isEventStream, isJson } from './content-type.ts'
import type { EventKind, EventReader } from './event-reader.ts'
import type { AttemptFailure } from './failover.ts'
import { isObject, parseJson } from './json.ts'
import type { Cancel, Clock, Timeouts, Upstream, UpstreamCall, UpstreamListener, UpstreamRequest } from './ports.ts'
import { createRawReader, createRawSplitter } from './raw-stream.ts'
import type { Headers } from './retry-after.ts'
import { createSseSplitter, isWholeEvent, type SseSplitter } from './sse.ts'

/** Longest JSON answer, and longest error body that is read for its code. */
export const MAX_JSON_ANSWER_BYTES = 64 * 1024 * 1024
export const MAX_ERROR_BODY_BYTES = 64 * 1024
/** Preambles are held this long, so that an account that fails right after them can still be replaced. */
export const PREAMBLE_HOLD_MS = 1_000
/** After its closing event an upstream gets this long to end the transfer. */
const SETTLE_MS = 1_000

interface AttemptInput {
  request: UpstreamRequest
  timeouts: Timeouts
  wantsStream: boolean
  /** What is neither JSON nor events goes through as it is. */
  mayBeRaw?: boolean
  createReader: () => EventReader
  clock: Clock
  upstream: Upstream
}

/** One try against one account, up to the moment from which there is no way back. */
export function startAttempt(input: AttemptInput): Attempt {
  return new RunningAttempt(input)
}

/**
 * Where an attempt stands: nothing came yet; a JSON answer or an error body is being collected; a stream's events are held
 * back; they flow to their consumer; it is over.
 */
type Phase = 'waiting' | 'json' | 'error' | 'held' | 'flowing' | 'over'

/** A class, because every request makes one: its functions are made once, not with each of them. */
class RunningAttempt implements Attempt, OpenStream, UpstreamListener {
  readonly opening: Promise<Opening>
  readonly times: AttemptTimes
  isRaw = false
  readonly #input: AttemptInput
  #call: UpstreamCall | null = null
  #settleOpening: (opening: Opening) => void = () => {}
  #phase: Phase = 'waiting'
  #pieces: string[] = []
  #size = 0
  #lastDataAt: number
  #sawData = false
  #isPaused = false
  #stream: StreamState | null = null
  #cancelIdle: Cancel
  readonly #cancelTotal: Cancel
  #cancelHold: Cancel | null = null

  constructor(input: AttemptInput) {
    const { clock, timeouts, upstream, request } = input
    this.#input = input
    this.opening = new Promise((resolve) => {
      this.#settleOpening = resolve
    })
    this.times = { startedAt: clock.monotonic(), sentAt: null, firstByteAt: null, status: null, headers: {} }
    this.#lastDataAt = this.times.startedAt
    this.#cancelTotal = clock.after(timeouts.totalMs, () => this.#onBroken('timeout'))
    this.#cancelIdle = clock.after(timeouts.firstByteMs, () => this.#onSilence())
    this.#call = upstream.open(request, this)
  }

  get reader(): EventReader {
    return this.#streamState().reader
  }

  onSent(): void {
    this.times.sentAt = this.#input.clock.monotonic()
  }

  onHeaders(status: number, headers: Headers): void {
    this.times.status = status
    this.times.headers = headers
    if (status < 200 || status >= 300) this.#phase = 'error'
    else {
      const isEvents = isEventStream(headers, this.#input.wantsStream)
      this.isRaw = !isEvents && this.#input.mayBeRaw === true && !isJson(headers)
      this.#phase = isEvents || this.isRaw ? 'held' : 'json'
    }
  }

  onData(bytes: string): void {
    this.times.firstByteAt ??= this.#input.clock.monotonic()
    if (this.#phase === 'json' || this.#phase === 'error') return this.#collect(bytes)
    if (this.#phase !== 'held' && this.#phase !== 'flowing') return
    const stream = this.#streamState()
    const fits = stream.splitter.push(bytes)
    if (stream.splitter.isInsideEvent()) this.#tookData()
    stream.consumer?.onFlush()
    if (!fits) this.#onBroken('too_large')
  }

  onEnd(): void {
    if (this.#phase === 'error') return this.#failWithStatus()
    if (this.#phase === 'json') return this.#openJson()
    if (this.#phase === 'waiting') return this.#fail({ kind: 'lost' }, true)
    const rest = this.#streamState().splitter.rest()
    if (isWholeEvent(rest)) this.#onEvent(rest.endsWith('\n') ? `${rest}\n` : `${rest}\n\n`)
    if (this.#phase === 'held') return this.#fail({ kind: 'lost' }, true)
    if (this.#phase !== 'over') this.#endStream((consumer) => consumer.onEnd())
  }

  onError(kind: 'unreachable' | 'lost' | 'too_large'): void {
    if (this.#phase === 'waiting') return this.#fail({ kind: kind === 'unreachable' ? 'unreachable' : 'lost' }, true)
    if (this.#phase === 'error') return this.#failWithStatus()
    this.#onBroken(kind === 'too_large' ? 'too_large' : 'cut')
  }

  consume(next: StreamConsumer): void {
    const stream = this.#streamState()
    const { held, ending } = stream
    stream.consumer = next
    stream.held = []
    // It was we who paused; whether it stays so is the consumer's to say, by how he takes what was held.
    this.#isPaused = false
    this.#lastDataAt = this.#input.clock.monotonic()
    for (const { event, kind } of held) next.onEvent(event, kind)
    next.onFlush()
    if (ending !== null) ending(next)
    else if (!this.#isPaused && this.#phase !== 'over') this.#call?.resume()
  }

  pause(): void {
    if (this.#isPaused || this.#phase === 'over') return
    this.#isPaused = true
    this.#call?.pause()
  }

  resume(): void {
    if (!this.#isPaused || this.#phase === 'over') return
    this.#isPaused = false
    this.#lastDataAt = this.#input.clock.monotonic()
    this.#call?.resume()
  }

  settle(): void {
    if (this.#phase === 'over') return
    this.#streamState().consumer = null
    this.#cancelIdle()
    this.#cancelIdle = this.#input.clock.after(SETTLE_MS, () => this.abort())
    this.resume()
  }

  abort(): void {
    if (this.#phase === 'over') return
    this.#stop()
    this.#settleOpening({ kind: 'failed', failure: { kind: 'lost' }, isCut: true })
  }

  #streamState(): StreamState {
    this.#stream ??= {
      reader: this.isRaw ? createRawReader() : this.#input.createReader(),
      splitter: (this.isRaw ? createRawSplitter : createSseSplitter)((event) => this.#onEvent(event)),
      held: [],
      consumer: null,
      ending: null,
    }
    return this.#stream
  }

  #tookData(): void {
    const { clock, timeouts } = this.#input
    this.#lastDataAt = clock.monotonic()
    if (this.#sawData) return
    this.#sawData = true
    // From here on the other limit holds. A timer that rings before it is over only looks again.
    if (this.times.startedAt + timeouts.firstByteMs <= this.#lastDataAt + timeouts.idleMs) return
    this.#cancelIdle()
    this.#cancelIdle = clock.after(timeouts.idleMs, () => this.#onSilence())
  }

  #collect(bytes: string): void {
    this.#tookData()
    this.#pieces.push(bytes)
    this.#size += bytes.length
    if (this.#phase === 'error' && this.#size > MAX_ERROR_BODY_BYTES) return this.#failWithStatus()
    if (this.#size > MAX_JSON_ANSWER_BYTES) this.#fail({ kind: 'unusable', code: 'upstream_too_large' }, false)
  }

  #onEvent(event: string): void {
    const { reader, held, consumer } = this.#streamState()
    const kind = reader.read(event)
    if (kind !== 'comment') this.#tookData()
    else if (this.#phase === 'held') return
    if (this.#phase === 'flowing') return consumer?.onEvent(event, kind)
    if (this.#phase !== 'held') return
    if (kind === 'error' && !reader.hasVisibleOutput()) {
      const preambles = held.map((earlier) => earlier.event)
      const { headers } = this.times
      return this.#fail({ kind: 'error_event', code: reader.errorCode(), headers, event, preambles, reader }, false)
    }
    held.push({ event, kind })
    if (kind !== 'preamble') return this.#openStream()
    this.#cancelHold ??= this.#input.clock.after(PREAMBLE_HOLD_MS, () => this.#openStream())
  }

  #openJson(): void {
    const lastByteAt = this.#input.clock.monotonic()
    const { status, headers } = this.times
    const [only = ''] = this.#pieces
    const text = this.#pieces.length <= 1 ? only : this.#pieces.join('')
    const json = parseJson(text)
    if (!isObject(json)) return this.#fail({ kind: 'unusable', code: 'upstream_invalid_response' }, false)
    this.#stop()
    this.#settleOpening({ kind: 'json', status: status ?? 200, headers, text, json, lastByteAt })
  }

  #openStream(): void {
    if (this.#phase !== 'held') return
    this.#cancelHold?.()
    this.#phase = 'flowing'
    const stream = this.#streamState()
    // The rest of this chunk's events must wait until somebody consumes them.
    stream.consumer = holdingConsumer(stream.held)
    this.pause()
    const { status, headers } = this.times
    const openedAt = this.#input.clock.monotonic()
    this.#settleOpening({ kind: 'stream', status: status ?? 200, headers, openedAt, stream: this })
  }

  #endStream(ending: (consumer: StreamConsumer) => void): void {
    const stream = this.#streamState()
    stream.ending = ending
    this.#stop()
    if (stream.consumer) ending(stream.consumer)
  }

  #onSilence(): void {
    if (this.#phase === 'over') return
    const { clock, timeouts } = this.#input
    const limitMs = this.#sawData ? timeouts.idleMs : timeouts.firstByteMs
    // While we hold the upstream back, its silence is ours.
    const leftMs = this.#isPaused ? limitMs : limitMs - (clock.monotonic() - this.#lastDataAt)
    if (leftMs > 0) this.#cancelIdle = clock.after(leftMs, () => this.#onSilence())
    else this.#onBroken('stalled')
  }

  #onBroken(reason: StreamBreak): void {
    if (this.#phase === 'over') return
    if (this.#phase === 'flowing') return this.#endStream((consumer) => consumer.onBreak(reason))
    if (this.#phase === 'error') return this.#failWithStatus()
    if (!this.#sawData) {
      const isSilent = reason === 'stalled' || reason === 'timeout'
      return this.#fail({ kind: isSilent ? 'first_byte_timeout' : 'lost' }, !isSilent)
    }
    if (reason === 'too_large') return this.#fail({ kind: 'unusable', code: 'upstream_too_large' }, false)
    const isCut = reason === 'cut'
    if (isCut && this.#phase === 'json')
      return this.#fail({ kind: 'unusable', code: 'upstream_invalid_response' }, true)
    this.#fail({ kind: isCut ? 'lost' : 'stalled' }, isCut)
  }

  #failWithStatus(): void {
    const { status, headers } = this.times
    this.#fail({ kind: 'status', status: status ?? 0, headers, body: this.#pieces.join('') }, false)
  }

  #fail(failure: AttemptFailure, isCut: boolean): void {
    this.#stop()
    this.#settleOpening({ kind: 'failed', failure, isCut })
  }

  #stop(): void {
    const wasOver = this.#phase === 'over'
    this.#phase = 'over'
    this.#cancelTotal()
    this.#cancelIdle()
    this.#cancelHold?.()
    this.#pieces = []
    if (!wasOver) this.#call?.abort()
  }
}

interface StreamState {
  reader: EventReader
  splitter: SseSplitter
  held: { event: string; kind: EventKind }[]
  consumer: StreamConsumer | null
  /** How it ended, to be told to whoever consumes it. */
  ending: ((consumer: StreamConsumer) => void) | null
}

function holdingConsumer(held: StreamState['held']): StreamConsumer {
  return {
    onEvent: (event, kind) => void held.push({ event, kind }),
    onFlush() {},
    onEnd() {},
    onBreak() {},
  }
}
