import { type Answer, type AnswerInput, answerHead, rememberResponse } from './answer.ts'
import type { Opening } from './attempt.ts'
import { hasLeft } from './client-left.ts'
import { conclude } from './conclude.ts'
import { GATEWAY_ERRORS, GatewayError } from './errors.ts'
import { inputTokens, keepInputText } from './input-text.ts'
import { asObject, type JsonObject } from './json.ts'
import { NO_USAGE } from './outcome.ts'
import { CLIENT_CLOSED, type Ending } from './story.ts'
import { errorCodeOf, upstreamId } from './upstream-words.ts'
import { readUsage } from './usage.ts'

/** A whole JSON answer: its outcome is written first, then the body goes out in one piece. */
export function createJsonAnswer(input: AnswerInput, opening: Opening & { kind: 'json' }): Answer {
  const { story, candidate, exchange, ports, release } = input
  const { call } = story
  const { status, json, text } = opening
  const texts = answerTexts(json)

  return {
    async deliver(responder) {
      const head = answerHead(input, status, opening.headers)
      story.relayInAt = opening.lastByteAt
      release()
      if (texts.length > 0) story.firstOutputAt = opening.lastByteAt
      const told = exchange.answer(text, status)
      ports.accounts.report(candidate, { kind: told === null ? 'inconclusive' : 'answered' })
      if (told !== null) rememberResponse(input, upstreamId(json.id))
      const ending = await endingOf(told?.status ?? null)
      if (hasLeft(call.client)) return conclude(story, { ...ending, ...CLIENT_CLOSED }, ports)
      story.relayOutAt = ports.clock.monotonic()
      await conclude(story, ending, ports)
      if (told === null) responder.fail(new GatewayError('upstream_invalid_response'))
      else responder.send({ ...head, ...told })
    },
    async [Symbol.asyncDispose]() {
      release()
    },
  }

  /** `toldStatus` is null where the answer could not be told. */
  async function endingOf(toldStatus: number | null): Promise<Ending> {
    const reading = readUsage(json.usage)
    const given = reading.kind === 'given'
    const kind = toldStatus === null ? 'failed' : endingKind(json)
    const errorCode = toldStatus === null ? 'upstream_invalid_response' : errorCodeOf(asObject(json.error))
    return {
      kind,
      status: toldStatus ?? GATEWAY_ERRORS.upstream_invalid_response.status,
      errorCode: kind === 'failed' ? (errorCode ?? 'upstream_failed') : null,
      upstreamResponseId: upstreamId(json.id),
      usage: given ? reading.usage : await estimate(),
      estimated: !given,
      usageInvalid: reading.kind === 'invalid',
      priceRule: given ? 'usage' : texts.length > 0 ? 'delivered' : 'nothing',
    }
  }

  async function estimate() {
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

const TEXT_MEMBERS = ['content', 'text', 'refusal', 'reasoning_content', 'reasoning', 'arguments', 'input']

/** Every text the answer shows, of either protocol. */
function answerTexts(json: JsonObject): string[] {
  const texts: string[] = []
  for (const choice of listOf(json.choices)) collect(asObject(choice.message), texts)
  for (const item of listOf(json.output)) {
    collect(item, texts)
    for (const part of [...listOf(item.content), ...listOf(item.summary)]) collect(part, texts)
  }
  return texts
}

function collect(holder: JsonObject, texts: string[]): void {
  for (const name of TEXT_MEMBERS) {
    const value = holder[name]
    if (typeof value === 'string' && value !== '') texts.push(value)
  }
  for (const call of listOf(holder.tool_calls)) collect({ ...asObject(call.function), ...asObject(call.custom) }, texts)
}

function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map(asObject) : []
}
