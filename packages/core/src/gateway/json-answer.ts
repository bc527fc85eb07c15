import { type Answer, type AnswerInput, answerHead, rememberResponse } from './answer.ts'
import type { Opening } from './attempt.ts'
import { hasLeft } from './client-left.ts'
import { conclude } from './conclude.ts'
import { GATEWAY_ERRORS, GatewayError } from './errors.ts'
import { inputTokens, keepInputText } from './input-text.ts'
import { asObject, type JsonObject } from './json.ts'
import { NO_USAGE, type TokenUsage } from './outcome.ts'
import { CLIENT_CLOSED, type Ending } from './story.ts'
import { errorCodeOf, upstreamId } from './upstream-words.ts'

/** A whole JSON answer: its outcome is written first, then the body goes out in one piece. */
export function createJsonAnswer(input: AnswerInput, opening: Opening & { kind: 'json' }): Answer {
  const { story, candidate, exchange, ports, release } = input
  const { call } = story
  const { status, json, text } = opening
  const { usage: reading, texts, isDelivered } = exchange.readAnswer(json)

  return {
    async deliver(responder) {
      const head = answerHead(input, status, opening.headers)
      story.relayInAt = opening.lastByteAt
      release()
      if (isDelivered) story.firstOutputAt = opening.lastByteAt
      const told = exchange.answer(text, status)
      ports.accounts.report(candidate, { kind: told === null ? 'inconclusive' : 'answered' })
      if (told !== null) rememberResponse(input, upstreamId(json.id))
      const usage = reading.kind === 'given' ? reading.usage : await estimate()
      const ending = endingOf(usage, told?.status ?? null)
      if (hasLeft(call.client)) return conclude(story, { ...ending, ...CLIENT_CLOSED }, ports)
      story.relayOutAt = ports.clock.monotonic()
      await conclude(story, ending, ports)
      if (told === null) responder.fail(new GatewayError('upstream_invalid_response'))
      else responder.send({ ...head, ...told })
    },
    [Symbol.dispose]() {
      release()
    },
  }

  /** `toldStatus` is null where the answer could not be told. */
  function endingOf(usage: TokenUsage, toldStatus: number | null): Ending {
    const given = reading.kind === 'given'
    const kind = toldStatus === null ? 'failed' : endingKind(json)
    const errorCode = toldStatus === null ? 'upstream_invalid_response' : errorCodeOf(asObject(json.error))
    return {
      kind,
      status: toldStatus ?? GATEWAY_ERRORS.upstream_invalid_response.status,
      errorCode: kind === 'failed' ? (errorCode ?? 'upstream_failed') : null,
      upstreamResponseId: upstreamId(json.id),
      serviceTier: upstreamId(json.service_tier),
      usage,
      estimated: !given,
      usageInvalid: reading.kind === 'invalid',
      priceRule: given ? 'usage' : isDelivered ? 'delivered' : 'nothing',
    }
  }

  async function estimate(): Promise<TokenUsage> {
    const output = ports.decodeUtf8(texts.join('\n'))
    return {
      ...NO_USAGE,
      inputTokens: await inputTokens(keepInputText(call.body.readText()), ports.countTokens),
      outputTokens: await ports.countTokens(output),
    }
  }
}

function endingKind(json: JsonObject): Ending['kind'] {
  if (json.status === 'incomplete') return 'incomplete'
  if (json.status === 'failed' || (json.error !== undefined && json.error !== null)) return 'failed'
  const choices = Array.isArray(json.choices) ? json.choices.map(asObject) : []
  const isCutShort = choices.some(({ finish_reason: reason }) => reason === 'length' || reason === 'content_filter')
  return isCutShort ? 'incomplete' : 'completed'
}
