import { asObject, type JsonObject } from '../json.ts'
import { toChatMessages } from './chat-messages.ts'
import { readChatTools } from './chat-tools.ts'
import { present, type TranslatedRequest, translate, unsupported } from './translated.ts'

/** Members that refer to something only the Responses API keeps or does; null is as good as absent. */
const STATEFUL_MEMBERS = ['previous_response_id', 'conversation', 'prompt', 'moderation'] as const

/**
 * A Responses request for a server that speaks Chat Completions only.
 *
 * What would change the answer and cannot be said in chat is refused. What only advises the Responses API is left out:
 * store, metadata, include (but for logprobs), truncation, context_management, max_tool_calls, service_tier, the prompt
 * cache and safety members, reasoning.summary, and members nobody documented, because strict servers refuse those too.
 * Defaults are left out for the same reason.
 *
 * The output limit becomes `max_tokens`: Ollama, LM Studio and older llama.cpp ignore `max_completion_tokens` silently,
 * and all chat-only servers know the old name.
 */
export function toChatRequest(responsesBody: JsonObject): TranslatedRequest {
  return translate(() => {
    for (const member of STATEFUL_MEMBERS) {
      if (responsesBody[member] !== undefined && responsesBody[member] !== null) unsupported(member)
    }
    if (responsesBody.background === true) unsupported('background')
    const { names, members } = readChatTools(responsesBody)
    const { model, temperature, top_p, user, max_output_tokens, reasoning, text } = responsesBody
    const isStream = responsesBody.stream === true
    return present({
      model,
      messages: toChatMessages(responsesBody, names),
      ...members,
      response_format: responseFormat(asObject(text).format),
      verbosity: asObject(text).verbosity,
      reasoning_effort: asObject(reasoning).effort,
      max_tokens: max_output_tokens,
      temperature,
      top_p,
      ...logprobMembers(responsesBody),
      user,
      stream: isStream ? true : undefined,
      stream_options: isStream ? { include_usage: true } : undefined,
    })
  })
}

function responseFormat(value: unknown): unknown {
  if (value === undefined || value === null) return undefined
  const { type, name, description, schema, strict } = asObject(value)
  if (type === 'text') return undefined
  if (type === 'json_object') return { type }
  if (type === 'json_schema') return { type, json_schema: present({ name, description, schema, strict }) }
  return unsupported('text.format')
}

function logprobMembers({ top_logprobs, include }: JsonObject): JsonObject {
  const isAsked = Array.isArray(include) && include.includes('message.output_text.logprobs')
  const isCounted = typeof top_logprobs === 'number' && top_logprobs > 0
  if (!isAsked && !isCounted) return {}
  return { logprobs: true, top_logprobs: isCounted ? top_logprobs : undefined }
}
