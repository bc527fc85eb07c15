import { asString, isObject, type JsonObject } from '../json.ts'
import type { ChatContext } from './chat-stream.ts'
import { finishReasonOf } from './finish-reason.ts'
import { failureOf, objectsOf, present, type TranslatedAnswer, UNNAMED_FAILURE } from './translated.ts'
import { toChatUsage } from './usage.ts'

/** A whole `response` object as a chat answer. Output that chat has no word for is left out. */
export function toChatAnswer(responsesAnswer: unknown, { id, model, createdSeconds }: ChatContext): TranslatedAnswer {
  if (!isObject(responsesAnswer)) return { kind: 'invalid' }
  const { output, status, usage, error } = responsesAnswer
  const failure = failureOf(error) ?? (status === 'failed' || status === 'cancelled' ? UNNAMED_FAILURE : null)
  if (failure !== null) return { kind: 'failed', failure }
  if (!Array.isArray(output) || status === 'in_progress' || status === 'queued') return { kind: 'invalid' }
  const message = chatMessage(objectsOf(output))
  const finish_reason = finishReasonOf(responsesAnswer, message.tool_calls !== undefined)
  const body = {
    id,
    object: 'chat.completion',
    created: createdSeconds,
    model,
    choices: [{ index: 0, message, logprobs: logprobsOf(objectsOf(output)), finish_reason }],
    ...present({ usage: toChatUsage(usage) }),
  }
  return { kind: 'answer', body }
}

function chatMessage(output: JsonObject[]): JsonObject {
  const parts = contentParts(output)
  const thoughts = output.flatMap(({ type, summary, content }) =>
    type === 'reasoning' ? [...objectsOf(summary), ...objectsOf(content)].map(({ text }) => asString(text) ?? '') : [],
  )
  const calls = output.filter(({ type }) => type === 'function_call' || type === 'custom_tool_call')
  return {
    role: 'assistant',
    content: textOf(parts, 'output_text', 'text'),
    refusal: textOf(parts, 'refusal', 'refusal'),
    ...(thoughts.length > 0 && { reasoning_content: thoughts.join('\n\n') }),
    ...(calls.length > 0 && { tool_calls: calls.map(chatCall) }),
  }
}

function contentParts(output: JsonObject[]): JsonObject[] {
  return output.filter(({ type }) => type === 'message').flatMap(({ content }) => objectsOf(content))
}

function textOf(parts: JsonObject[], type: string, member: string): string | null {
  const texts = parts.filter((part) => part.type === type).map((part) => asString(part[member]) ?? '')
  return texts.length === 0 ? null : texts.join('')
}

function chatCall({ type, id, call_id, name, arguments: given, input }: JsonObject, index: number): JsonObject {
  const callId = asString(call_id) ?? asString(id) ?? `call_${index}`
  const called = { name: asString(name) ?? '' }
  if (type === 'custom_tool_call')
    return { id: callId, type: 'custom', custom: { ...called, input: asString(input) ?? '' } }
  return { id: callId, type: 'function', function: { ...called, arguments: asString(given) ?? '' } }
}

function logprobsOf(output: JsonObject[]): JsonObject | null {
  const content = contentParts(output).flatMap(({ logprobs }) => objectsOf(logprobs))
  return content.length === 0 ? null : { content, refusal: null }
}
