import type { EventKind, EventReader } from './event-reader.ts'
import type { AttemptFailure } from './failover.ts'
import type { JsonObject } from './json.ts'
import type { Headers } from './retry-after.ts'

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
  /** Its bytes are no events. */
  isRaw: boolean
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
