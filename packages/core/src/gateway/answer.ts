import type { GatewayError, Progress } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { Candidate, RelayPorts } from './ports.ts'
import { progressOf, type Story } from './story.ts'

/** Where an answer goes. The one place that knows whether headers went out. */
export interface Responder {
  /** A whole answer in one piece. `body` is one character per byte. */
  send(answer: WholeAnswer): void
  /** Whole events; the first call opens the stream. False = hold the upstream back until `whenDrained` calls. */
  write(events: string, head: AnswerHead): boolean
  whenDrained(call: () => void): void
  /** The last events but for their closing character: no keep-alive may come between it and `end`. */
  writeLast(events: string, head: AnswerHead): void
  end(rest: string): void
  /** Breaks the transfer: what was sent is not whole, and there is no way to say so. */
  cut(): void
  /** Before anything was written: a status, or an event where a keep-alive has opened the stream. */
  fail(error: GatewayError): void
}

/** What the caller may know of how his answer came about. */
export interface AnswerHead extends Progress {
  status: number
  /** Upstream's response headers that pass the allow-list. */
  headers: Readonly<Record<string, string>>
}

export interface WholeAnswer extends AnswerHead {
  body: string
}

/** An answer in hand. It owns the request's slots until it is delivered or disposed of. */
export interface Answer extends Disposable {
  /** Resolves when the last byte was handed to the responder and the outcome is recorded. */
  deliver(responder: Responder): Promise<void>
}

export interface AnswerInput {
  story: Story
  candidate: Candidate
  exchange: Exchange
  ports: RelayPorts
  /** Gives back every slot, once. */
  release(): void
}

/** Before the caller learns its id, so that he can go on from it at once. */
export function rememberResponse({ story, candidate, exchange, ports }: AnswerInput, upstreamId: string | null): void {
  const responseId = exchange.storedId(upstreamId)
  if (responseId === null) return
  const { caller, body } = story.call
  ports.responses.remember(caller.userId, responseId, { accountId: candidate.accountId, model: body.model })
}

const RELAYED_HEADERS = ['content-type', 'cache-control', 'openai-processing-ms', 'openai-version'] as const

export function answerHead(
  { story, ports }: AnswerInput,
  status: number,
  upstream: Record<string, unknown>,
): AnswerHead {
  return { status, headers: relayedHeaders(upstream), ...progressOf(story, ports.clock.monotonic()) }
}

/** Upstream's response headers that the caller may see. */
export function relayedHeaders(upstream: Record<string, unknown>): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of RELAYED_HEADERS) {
    const value = upstream[name]
    if (typeof value === 'string') headers[name] = value
  }
  return headers
}
