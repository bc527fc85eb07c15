import type { WireProtocol } from '../words.ts'
import { readAnswer } from './answer-reading.ts'
import type { Call } from './call.ts'
import { createChatEventReader } from './chat-event-reader.ts'
import type { GatewayError } from './errors.ts'
import type { EventReader } from './event-reader.ts'
import type { Exchange } from './exchange.ts'
import { createRestoreModel } from './model-name.ts'
import { chatErrorEvent, responsesErrorEvent } from './openai-error.ts'
import { passedExchange } from './passed-exchange.ts'
import type { Candidate } from './ports.ts'
import { upstreamText } from './request-body.ts'
import { createResponsesEventReader } from './responses-event-reader.ts'
import { type TranslationPorts, translatedExchange } from './translated-exchange.ts'
import { PATHS, TEXT_MEMBERS } from './wire.ts'

/** Throws unsupported_parameter where the account's protocol cannot say what the caller asks. */
export function createExchange(call: Call, candidate: Candidate, ports: TranslationPorts): Exchange {
  if (call.protocol === null) return passedExchange(call, candidate)
  const speaksSame = candidate.protocol === 'responses+chat' || candidate.protocol === call.protocol
  return speaksSame ? sameExchange(call, call.protocol, candidate) : translatedExchange(call, candidate, ports)
}

/** Both sides speak the same protocol: bytes go through, only the model's name is put in its place. */
function sameExchange(call: Call, protocol: WireProtocol, candidate: Candidate): Exchange {
  const { body } = call
  const text = upstreamText(body, protocol, candidate.upstreamModel)
  const restoreModel = createRestoreModel(body.model, candidate.upstreamModel, protocol)
  const { wantsUsageChunk } = body
  return {
    protocol,
    path: PATHS[protocol],
    body: text ?? call.bytes,
    mayBeRaw: false,
    createReader: () =>
      protocol === 'chat' ? createChatEventReader({ wantsUsageChunk }) : createResponsesEventReader(),
    textMembers: TEXT_MEMBERS[protocol],
    readAnswer,
    storedId: (id) => (protocol === 'responses' && body.isStored ? id : null),
    answer: (answer, status) => ({ status, body: restoreModel(answer) }),
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
