import type { WireProtocol } from '../words.ts'
import type { GatewayError } from './errors.ts'
import type { EventReader } from './event-reader.ts'

/** How one account is spoken to on behalf of one caller, and how its answer is told to him. */
export interface Exchange {
  /** What the upstream speaks. */
  protocol: WireProtocol
  path: string
  body: string | Uint8Array
  createReader(): EventReader
  /** JSON members that carry visible text in the upstream's events. */
  textMembers: readonly string[]
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
  /** An error of ours. */
  error(error: GatewayError): string
}
