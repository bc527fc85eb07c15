import type { OutcomeKind } from '../words.ts'
import type { UsageReading } from './usage.ts'

/**
 * What one upstream event is to the relay.
 * - `comment`: no data; goes through once the stream is open
 * - `preamble`: carries nothing visible; held until the next event so that failover stays possible
 * - `content`: goes through
 * - `extra_usage`: the usage chunk the caller did not ask for; kept from him
 * - `end`: the upstream's own end; nothing after it counts
 * - `error`: the upstream failed inside the stream; goes through and ends it
 */
export type EventKind = 'comment' | 'preamble' | 'content' | 'extra_usage' | 'end' | 'error'

/** Reads one upstream stream, event by event, and remembers what the ledger needs. Most events are never parsed. */
export interface EventReader {
  read(event: string): EventKind
  /** The upstream said how it ended, though its closing event may be missing. */
  ending(): Extract<OutcomeKind, 'completed' | 'incomplete' | 'failed'> | null
  usage(): UsageReading
  responseId(): string | null
  /** As the upstream said it served; null where no event that is read said so. */
  serviceTier(): string | null
  /** The error event as the caller gets it: one end that his client understands. */
  errorEvent(event: string): string
  /** Code of an in-stream error; null where none was seen or it had none. */
  errorCode(): string | null
  /** The sequence number the next event of a Responses stream carries. */
  nextSequenceNumber(): number
  /** True once something visible was read: text, a tool call, an image. */
  hasVisibleOutput(): boolean
}
