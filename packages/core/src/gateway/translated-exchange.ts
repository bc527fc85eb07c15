import type { WireProtocol } from '../words.ts'
import { readAnswer } from './answer-reading.ts'
import type { Call } from './call.ts'
import { createChatEventReader } from './chat-event-reader.ts'
import { GATEWAY_ERRORS, GatewayError } from './errors.ts'
import type { CallerStream, Exchange } from './exchange.ts'
import { asObject, isObject, type JsonObject, parseJson } from './json.ts'
import type { Candidate, RelayPorts } from './ports.ts'
import { toChatAnswer } from './responses-chat/chat-answer.ts'
import { toChatRequest } from './responses-chat/chat-request.ts'
import { createChatStream } from './responses-chat/chat-stream.ts'
import { toResponsesAnswer } from './responses-chat/responses-answer.ts'
import { toResponsesRequest } from './responses-chat/responses-request.ts'
import { createResponsesStream } from './responses-chat/responses-stream.ts'
import { chatChunkText, responsesEventText } from './responses-chat/sse-text.ts'
import { failureOf, type TranslatedAnswer, type UpstreamFailure } from './responses-chat/translated.ts'
import { createResponsesEventReader } from './responses-event-reader.ts'
import { eventData } from './sse.ts'
import { PATHS, TEXT_MEMBERS } from './wire.ts'

export type TranslationPorts = Pick<RelayPorts, 'clock' | 'newId' | 'decodeUtf8' | 'encodeUtf8'>

/**
 * The account speaks only the other protocol: requests and answers are translated, streams event by event.
 * Throws unsupported_parameter for what the account's protocol has no word for.
 */
export function translatedExchange(call: Call, candidate: Candidate, ports: TranslationPorts): Exchange {
  const protocol: WireProtocol = call.protocol === 'chat' ? 'responses' : 'chat'
  const asked = call.body.readJson()
  const translated = protocol === 'chat' ? toChatRequest(asked) : toResponsesRequest(asked)
  if (!translated.ok) throw new GatewayError('unsupported_parameter', { param: translated.param })
  const telling = protocol === 'chat' ? tellResponses(call, asked, ports) : tellChat(call, ports)
  return {
    protocol,
    path: PATHS[protocol],
    mayBeRaw: false,
    body: JSON.stringify({ ...translated.body, model: candidate.upstreamModel }),
    createReader: () =>
      protocol === 'chat' ? createChatEventReader({ wantsUsageChunk: true }) : createResponsesEventReader(),
    textMembers: TEXT_MEMBERS[protocol],
    readAnswer,
    answer(text, status) {
      const answer = telling.answer(parseJson(ports.decodeUtf8(text)))
      if (answer.kind === 'invalid') return null
      const isWhole = answer.kind === 'answer'
      const body = isWhole ? answer.body : { error: errorMembers(answer.failure) }
      return { status: isWhole ? status : FAILED_STATUS, body: ports.encodeUtf8(JSON.stringify(body)) }
    },
    stream: () => encoded(telling.stream(), ports),
    // Nobody keeps it; that it cannot be gone on from is said by the translation of such a request.
    storedId: () => (protocol === 'chat' ? responseIdOf(call) : null),
  }
}

/** Of a response that no upstream made. */
function responseIdOf({ requestId }: Pick<Call, 'requestId'>): string {
  return `resp_${requestId.replaceAll('-', '')}`
}

/** An answer that says it failed, told to a caller whose protocol says so by status. */
const FAILED_STATUS = GATEWAY_ERRORS.upstream_failed.status

interface Telling {
  answer(upstream: unknown): TranslatedAnswer
  stream(): CallerStream
}

/** A Responses caller hears a chat upstream. */
function tellResponses(
  { body, requestId }: Call,
  requestBody: JsonObject,
  { clock, newId, decodeUtf8 }: TranslationPorts,
): Telling {
  const context = {
    responseId: responseIdOf({ requestId }),
    requestBody,
    model: body.model,
    createdAtSeconds: seconds(clock),
    newId,
  }
  return {
    answer: (upstream) => toResponsesAnswer(upstream, { ...context, completedAtSeconds: seconds(clock) }),
    stream() {
      const events = createResponsesStream(context)
      const fail = ({ code, message }: UpstreamFailure) =>
        events
          .fail({ code: code ?? 'upstream_failed', message })
          .map(responsesEventText)
          .join('')
      return {
        relay: (event) => events.push(dataOf(event, decodeUtf8)).map(responsesEventText).join(''),
        end: () => events.finish(seconds(clock)).map(responsesEventText).join(''),
        upstreamError: (event) => fail(failureIn(dataOf(event, decodeUtf8))),
        error: fail,
      }
    },
  }
}

/** A chat caller hears a Responses upstream. */
function tellChat({ body, requestId }: Call, { clock, decodeUtf8 }: TranslationPorts): Telling {
  const context = {
    id: `chatcmpl-${requestId.replaceAll('-', '')}`,
    model: body.model,
    createdSeconds: seconds(clock),
  }
  return {
    answer: (upstream) => toChatAnswer(upstream, context),
    stream() {
      const chunks = createChatStream({ ...context, includeUsage: body.wantsUsageChunk })
      const relay = (event: string) => chunks.push(dataOf(event, decodeUtf8)).map(chatChunkText).join('')
      const fail = (failure: UpstreamFailure) => chunks.fail(failure).map(chatChunkText).join('')
      return {
        relay,
        end: (event) => `${event === null ? '' : relay(event)}data: [DONE]\n\n`,
        upstreamError: (event) => fail(failureIn(dataOf(event, decodeUtf8))),
        error: fail,
      }
    },
  }
}

function encoded(stream: CallerStream, { encodeUtf8 }: TranslationPorts): CallerStream {
  return {
    relay: (event) => encodeUtf8(stream.relay(event)),
    end: (event) => encodeUtf8(stream.end(event)),
    upstreamError: (event) => encodeUtf8(stream.upstreamError(event)),
    error(error) {
      const told = stream.error(error)
      return told === null ? null : encodeUtf8(told)
    },
  }
}

function dataOf(event: string, decodeUtf8: (bytes: string) => string): unknown {
  return parseJson(decodeUtf8(eventData(event) ?? ''))
}

/** The error of an event of either protocol, wherever its server put it. */
function failureIn(data: unknown): UpstreamFailure {
  const event = asObject(data)
  const { error } = isObject(event.response) ? event.response : event
  return failureOf(error ?? event) ?? { code: null, message: 'Upstream request failed' }
}

function errorMembers({ code, message }: UpstreamFailure): JsonObject {
  return { message, type: 'upstream_error', param: null, code }
}

function seconds(clock: RelayPorts['clock']): number {
  return Math.floor(clock.now() / 1000)
}
