import { asObject, asString, type JsonObject } from '../json.ts'
import type { ReasoningMember } from './reasoning-ids.ts'
import { objectsOf } from './translated.ts'

/** One piece of a tool call as it arrives; servers leave out any of it. */
export interface CallDelta {
  index: number | null
  id: string | null
  name: string
  arguments: string
}

/** What one choice of a chunk adds to the answer. */
export interface ChatDelta {
  text: string
  refusal: string
  reasoning: { member: ReasoningMember; text: string } | null
  toolCalls: CallDelta[]
  logprobs: JsonObject[]
}

/** Reads a choice of a chunk in the dialects of vLLM, llama.cpp, Ollama, DeepSeek and Mistral. */
export function readDelta(choice: JsonObject): ChatDelta {
  const delta = asObject(choice.delta)
  const parts = objectsOf(delta.content)
  return {
    text: asString(delta.content) ?? textOf(parts),
    refusal: asString(delta.refusal) ?? '',
    reasoning: readReasoning(delta, parts),
    toolCalls: objectsOf(delta.tool_calls).map(readCall),
    logprobs: objectsOf(asObject(choice.logprobs).content).map(readLogprob),
  }
}

function readReasoning(delta: JsonObject, parts: JsonObject[]): ChatDelta['reasoning'] {
  if (isText(delta.reasoning_content)) return { member: 'reasoning_content', text: delta.reasoning_content }
  if (isText(delta.reasoning)) return { member: 'reasoning', text: delta.reasoning }
  const thoughts = parts.filter(({ type }) => type === 'thinking').map(({ thinking }) => textOf(objectsOf(thinking)))
  return thoughts.length === 0 ? null : { member: 'reasoning', text: thoughts.join('') }
}

function textOf(parts: JsonObject[]): string {
  return parts.map(({ type, text }) => (type === 'text' && asString(text)) || '').join('')
}

function readCall({ index, id, function: called, custom }: JsonObject): CallDelta {
  const { name, arguments: given, input } = asObject(called ?? custom)
  const received = given ?? input
  return {
    index: typeof index === 'number' ? index : null,
    id: isText(id) ? id : null,
    name: asString(name) ?? '',
    arguments: asString(received) ?? (received === undefined || received === null ? '' : JSON.stringify(received)),
  }
}

/** Chat may leave `bytes` null, Responses may not. */
function readLogprob(entry: JsonObject): JsonObject {
  const { token, logprob, bytes, top_logprobs } = entry
  return { token, logprob, bytes: bytes ?? [], top_logprobs: objectsOf(top_logprobs).map(topLogprob) }
}

function topLogprob({ token, logprob, bytes }: JsonObject): JsonObject {
  return { token, logprob, bytes: bytes ?? [] }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
