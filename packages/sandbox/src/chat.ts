import type { Answer } from './answer.ts'
import { type Ask, contentText, readToolChoice } from './ask.ts'
import { asArray, asCount, asObject, asText, type JsonObject } from './json.ts'
import { Refusal } from './refusal.ts'
import { CHAT_DONE, dataEvent } from './sse.ts'
import { CREATED, ID } from './template.ts'

/** Reads a Chat Completions request. @throws Refusal 400 for what no answer could be made to */
export function readChat(body: JsonObject, model: string): Ask {
  if (!Array.isArray(body.messages)) {
    throw new Refusal(400, 'missing_required_parameter', "Missing required parameter: 'messages'.", 'messages')
  }
  if (body.messages.length === 0) throw new Refusal(400, 'empty_array', "Invalid 'messages': empty array.", 'messages')
  if (Number(body.n ?? 1) > 1)
    throw new Refusal(400, 'unsupported_value', 'The sandbox answers once: n must be 1.', 'n')
  const messages = body.messages.map(asObject)
  const tools = asArray(body.tools).map((tool) => asObject(asObject(tool).function))
  const last = messages.at(-1)
  return {
    model,
    isStream: body.stream === true,
    prompt: contentText(messages.findLast((message) => message.role === 'user')?.content),
    toolResult: last?.role === 'tool' ? contentText(last.content) : null,
    inputTexts: [...messages.flatMap(messageTexts), ...tools.map((tool) => JSON.stringify(tool))],
    inputItems: messages.length,
    tools: tools.map((tool) => ({ name: asText(tool.name), parameters: tool.parameters })),
    toolChoice: readToolChoice(body.tool_choice),
    isParallel: body.parallel_tool_calls !== false,
    maxOutputTokens: asCount(body.max_completion_tokens ?? body.max_tokens),
    schema: readFormat(asObject(body.response_format)),
  }
}

/** The JSON body of an answer, ids and time left open. */
export function chatBody(ask: Ask, answer: Answer): string {
  const { text, toolCalls } = answer
  const message = {
    role: 'assistant',
    content: toolCalls.length > 0 ? null : text,
    refusal: null,
    annotations: [],
    ...(toolCalls.length > 0 && { tool_calls: toolCalls.map(toolCall) }),
  }
  return JSON.stringify({
    id: `chatcmpl-${ID}`,
    object: 'chat.completion',
    created: CREATED,
    model: ask.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(answer) }],
    usage: usageOf(answer),
    service_tier: 'default',
    system_fingerprint: 'fp_sandbox',
  })
}

/** The events of a streamed answer. With `include_usage` every chunk has a `usage` member, null but in the last. */
export function chatEvents(ask: Ask, answer: Answer, hasUsage: boolean): string[] {
  function chunk(choices: unknown[], usage: unknown = null): string {
    return dataEvent({
      id: `chatcmpl-${ID}`,
      object: 'chat.completion.chunk',
      created: CREATED,
      model: ask.model,
      service_tier: 'default',
      system_fingerprint: 'fp_sandbox',
      choices,
      ...(hasUsage && { usage }),
    })
  }
  function delta(members: unknown, finish: string | null = null): string {
    return chunk([{ index: 0, delta: members, logprobs: null, finish_reason: finish }])
  }
  const isCalling = answer.toolCalls.length > 0
  return [
    delta({ role: 'assistant', content: isCalling ? null : '', refusal: null }),
    ...answer.pieces.map((content) => delta({ content })),
    ...answer.toolCalls.flatMap((call, index) => [
      delta({ tool_calls: [{ index, ...toolCall({ ...call, arguments: '' }, index) }] }),
      ...argumentPieces(call.arguments).map((part) =>
        delta({ tool_calls: [{ index, function: { arguments: part } }] }),
      ),
    ]),
    delta({}, finishReason(answer)),
    ...(hasUsage ? [chunk([], usageOf(answer))] : []),
    CHAT_DONE,
  ]
}

/** Whether the caller wants the usage chunk. */
export function wantsUsage(body: JsonObject): boolean {
  return asObject(body.stream_options).include_usage === true
}

/** Arguments arrive in parts, so that a client has to put them together. */
export function argumentPieces(text: string): string[] {
  return text.match(/[\s\S]{1,8}/gu) ?? []
}

function toolCall(call: Answer['toolCalls'][number], index: number) {
  return { id: `call_${ID}${index}`, type: 'function', function: call }
}

function finishReason(answer: Answer): string {
  if (answer.toolCalls.length > 0) return 'tool_calls'
  return answer.isCut ? 'length' : 'stop'
}

function usageOf({ usage }: Answer) {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cached, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
}

function messageTexts(message: JsonObject): string[] {
  const calls = asArray(message.tool_calls).map((call) => JSON.stringify(asObject(asObject(call).function)))
  return [contentText(message.content), ...calls]
}

function readFormat(format: JsonObject): unknown {
  if (format.type === 'json_schema') return asObject(format.json_schema).schema ?? {}
  return format.type === 'json_object' ? {} : null
}
