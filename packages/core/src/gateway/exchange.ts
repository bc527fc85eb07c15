import type { WireProtocol } from '../words.ts'
import type { Call } from './call.ts'
import { CHAT_TEXT_MEMBERS, createChatEventReader } from './chat-event-reader.ts'
import type { GatewayError } from './errors.ts'
import type { EventReader } from './event-reader.ts'
import type { JsonObject } from './json.ts'
import { createRestoreModel } from './model-name.ts'
import { chatErrorEvent, responsesErrorEvent } from './openai-error.ts'
import type { Candidate } from './ports.ts'
import { upstreamText } from './request-body.ts'
import { createResponsesEventReader, RESPONSES_TEXT_MEMBERS } from './responses-event-reader.ts'

/** How one account is spoken to on behalf of one caller, and how its answer is told to him. */
export interface Exchange {
  /** What the upstream speaks. */
  protocol: WireProtocol
  path: string
  body: string | Uint8Array
  createReader(): EventReader
  /** JSON members that carry visible text in the upstream's events. */
  textMembers: readonly string[]
  /** A whole answer for the caller; `text` is what `json` was parsed from. */
  answer(text: string, json: JsonObject): string
  stream(reader: EventReader): CallerStream
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

export const PATHS: Record<WireProtocol, string> = { chat: '/chat/completions', responses: '/responses' }
export const TEXT_MEMBERS = { chat: CHAT_TEXT_MEMBERS, responses: RESPONSES_TEXT_MEMBERS } as const

/** Throws unsupported_parameter where the account's protocol cannot say what the caller asks. */
export function createExchange(call: Call, candidate: Candidate): Exchange {
  return passThrough(call, candidate)
}

/** Both sides speak the same protocol: bytes go through, only the model's name is put in its place. */
function passThrough(call: Call, candidate: Candidate): Exchange {
  const { protocol, body } = call
  const text = upstreamText(body, protocol, candidate.upstreamModel)
  const restoreModel = createRestoreModel(body.model, candidate.upstreamModel, protocol)
  const { wantsUsageChunk } = body
  return {
    protocol,
    path: PATHS[protocol],
    body: text === body.text ? call.bytes : text,
    createReader: () =>
      protocol === 'chat' ? createChatEventReader({ wantsUsageChunk }) : createResponsesEventReader(),
    textMembers: TEXT_MEMBERS[protocol],
    answer: restoreModel,
    stream: (reader) => ({
      relay: restoreModel,
      end: (event) => (event === null ? 'data: [DONE]\n\n' : restoreModel(event)),
      upstreamError: reader.errorEvent,
      error: (error) => streamError(call, reader, error),
    }),
  }
}

/** The last event of a stream that broke, in the caller's protocol. */
function streamError({ protocol, requestId }: Call, reader: EventReader, error: GatewayError): string {
  if (protocol === 'chat') return chatErrorEvent(error)
  return responsesErrorEvent(error, reader.responseId() ?? `resp_${requestId}`, reader.nextSequenceNumber())
}
