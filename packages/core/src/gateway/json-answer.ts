import { type Answer, type AnswerInput, answerHead } from './answer.ts'
import type { Opening } from './attempt.ts'
import { conclude } from './conclude.ts'
import { inputTokens, keepInputText } from './input-text.ts'
import { asObject, asString, type JsonObject } from './json.ts'
import { NO_USAGE } from './outcome.ts'
import type { Ending } from './story.ts'
import { readUsage } from './usage.ts'

/** A whole JSON answer: its outcome is written first, then the body goes out in one piece. */
export function createJsonAnswer(input: AnswerInput, opening: Opening & { kind: 'json' }): Answer {
  const { story, candidate, exchange, ports, release } = input
  const { call } = story
  const { status, json, text } = opening

  return {
    async deliver(responder) {
      const head = answerHead(input, status, opening.headers)
      story.relayInAt = opening.lastByteAt
      release()
      const hasVisibleOutput = answerTexts(json).length > 0
      if (hasVisibleOutput) story.firstOutputAt = opening.lastByteAt
      ports.accounts.report(candidate, { kind: 'answered' })
      const ending = await endingOf()
      story.relayOutAt = ports.clock.monotonic()
      await conclude(story, ending, ports)
      responder.send({ ...head, body: exchange.answer(text, json) })
    },
    async [Symbol.asyncDispose]() {
      release()
    },
  }

  async function endingOf(): Promise<Ending> {
    const reading = readUsage(json.usage)
    const given = reading.kind === 'given'
    const kind = endingKind(json)
    return {
      kind,
      status,
      errorCode: kind === 'failed' ? (asString(asObject(json.error).code) ?? 'upstream_failed') : null,
      upstreamResponseId: asString(json.id),
      usage: given ? reading.usage : await estimate(),
      estimated: !given,
      usageInvalid: reading.kind === 'invalid',
      priceRule: given ? 'usage' : 'delivered',
    }
  }

  async function estimate() {
    const output = ports.decodeUtf8(answerTexts(json).join('\n'))
    return {
      ...NO_USAGE,
      inputTokens: await inputTokens(keepInputText(call.body.text), ports.countTokens),
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

/** Every text the answer shows, of either protocol. */
function answerTexts(json: JsonObject): string[] {
  const texts: string[] = []
  for (const choice of listOf(json.choices)) collect(asObject(choice.message), texts)
  for (const item of listOf(json.output)) {
    collect(item, texts)
    for (const part of listOf(item.content)) collect(part, texts)
  }
  return texts
}

function collect(holder: JsonObject, texts: string[]): void {
  for (const name of ['content', 'text', 'refusal', 'reasoning_content', 'arguments', 'input']) {
    const value = holder[name]
    if (typeof value === 'string' && value !== '') texts.push(value)
  }
  for (const call of listOf(holder.tool_calls)) collect(asObject(call.function), texts)
}

function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map(asObject) : []
}
