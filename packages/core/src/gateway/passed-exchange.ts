import { readPassedAnswer } from './answer-reading.ts'
import type { Call } from './call.ts'
import { createChatEventReader } from './chat-event-reader.ts'
import type { Exchange } from './exchange.ts'
import { createRestoreModel } from './model-name.ts'
import { chatErrorEvent } from './openai-error.ts'
import { createPassedEventReader } from './passed-event-reader.ts'
import type { Candidate } from './ports.ts'
import { upstreamText } from './request-body.ts'

/**
 * Endpoints of which the gateway knows no more than the model and the usage: embeddings, completions, moderations, images,
 * audio. Every account is taken to speak them all; what it has no word for its upstream says itself.
 */
export function passedExchange(call: Call, candidate: Candidate): Exchange {
  const { body, endpoint } = call
  const restoreModel = createRestoreModel(body.model, candidate.upstreamModel, 'chat')
  const isCompletion = endpoint === '/v1/completions'
  const { wantsUsageChunk } = body
  return {
    protocol: null,
    path: endpoint.slice('/v1'.length),
    body: bodyFor(call, candidate),
    mayBeRaw: endpoint.startsWith('/v1/audio/'),
    createReader: () => (isCompletion ? createChatEventReader({ wantsUsageChunk }) : createPassedEventReader()),
    textMembers: isCompletion ? ['"text"'] : ['"delta"'],
    readAnswer: readPassedAnswer,
    storedId: () => null,
    answer: (answer, status) => ({ status, body: restoreModel(answer) }),
    stream: (reader) => ({
      relay: restoreModel,
      end: (event) => (event !== null ? restoreModel(event) : isCompletion ? 'data: [DONE]\n\n' : ''),
      upstreamError: reader.errorEvent,
      error: (error) => chatErrorEvent(error),
    }),
  }
}

function bodyFor({ body, bytes, endpoint, form }: Call, { upstreamModel }: Candidate): string | Uint8Array {
  if (form !== null) return upstreamModel === body.model ? bytes : form.withModel(upstreamModel)
  const asksForUsage = endpoint === '/v1/completions'
  return upstreamText(body, asksForUsage ? 'chat' : 'responses', upstreamModel) ?? bytes
}
