import type { WireProtocol } from '../words.ts'
import type { AnswerReading } from './answer-reading.ts'
import type { GatewayError } from './errors.ts'
import type { EventReader } from './event-reader.ts'
import type { JsonObject } from './json.ts'

/** How one account is spoken to on behalf of one caller, and how its answer is told to him. */
export interface Exchange {
  /** What the upstream speaks; null = whatever passes through. */
  protocol: WireProtocol | null
  path: string
  body: string | Uint8Array
  /** Its answer may be bytes that are neither JSON nor events. */
  mayBeRaw: boolean
  createReader(): EventReader
  /** JSON members that carry visible text in the upstream's events. */
  textMembers: readonly string[]
  /** What a whole answer of the upstream says of itself. */
  readAnswer(json: JsonObject): AnswerReading
  /** A whole answer for the caller; null = it is none that could be told in his protocol. */
  answer(text: string, status: number): { status: number; body: string } | null
  stream(reader: EventReader): CallerStream
  /** The id by which the caller may come back to the upstream's response; null = there is nothing to come back to. */
  storedId(upstreamResponseId: string | null): string | null
}

/** A stream as the caller gets it: whole events in, whole events out, exactly one end. */
export interface CallerStream {
  relay(event: string): string
  /** The upstream's own end; null = its transfer ended cleanly after it said how the answer ended. */
  end(event: string | null): string
  /** The upstream's own error. */
  upstreamError(event: string): string
  /** An error of ours; null = it cannot be told, and the transfer has to break. */
  error(error: GatewayError): string | null
}
