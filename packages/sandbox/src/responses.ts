import type { Answer } from './answer.ts'
import { type Ask, contentText, readToolChoice } from './ask.ts'
import { argumentPieces } from './chat.ts'
import { asArray, asCount, asObject, asText, isObject, type JsonObject } from './json.ts'
import { Refusal } from './refusal.ts'
import { namedEvent } from './sse.ts'
import { CREATED, ID } from './template.ts'

type Item = { id: string; type: string } & JsonObject

/** Reads a Responses request. @throws Refusal 400 for what no answer could be made to */
export function readResponses(body: JsonObject, model: string): Ask {
  if (typeof body.input !== 'string' && !Array.isArray(body.input)) {
    throw new Refusal(400, 'missing_required_parameter', "Missing required parameter: 'input'.", 'input')
  }
  const items = inputItems(body)
  const tools = asArray(body.tools).map(asObject)
  const last = items.at(-1)
  const prompt = items.findLast((item) => item.role === 'user')
  const texts = items.flatMap((item) => [contentText(item.content), contentText(item.output), asText(item.arguments)])
  return {
    model,
    isStream: body.stream === true,
    prompt: contentText(prompt?.content),
    toolResult: last?.type === 'function_call_output' ? contentText(last.output) : null,
    inputTexts: [asText(body.instructions), ...texts, ...tools.map((tool) => JSON.stringify(tool))],
    inputItems: items.length,
    tools: tools
      .filter((tool) => tool.type === 'function')
      .map((tool) => ({ name: asText(tool.name), parameters: tool.parameters })),
    toolChoice: readToolChoice(body.tool_choice),
    isParallel: body.parallel_tool_calls !== false,
    maxOutputTokens: asCount(body.max_output_tokens),
    schema: readFormat(asObject(asObject(body.text).format)),
  }
}

/** The input as a list: a bare string is one user message. */
export function inputItems(body: JsonObject): JsonObject[] {
  if (typeof body.input !== 'string') return asArray(body.input).map(asObject)
  return [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: body.input }] }]
}

/** The JSON body of an answer, ids and time left open. */
export function responseBody(body: JsonObject, ask: Ask, answer: Answer): string {
  return JSON.stringify(finished(body, ask, answer))
}

/** The events of a streamed answer, numbered from 0. */
export function responseEvents(body: JsonObject, ask: Ask, answer: Answer): string[] {
  const events: string[] = []
  function send(type: string, members: JsonObject): void {
    events.push(namedEvent({ type, sequence_number: events.length, ...members }))
  }
  const begun = { ...responseOf(body, ask), status: 'in_progress' }
  send('response.created', { response: begun })
  send('response.in_progress', { response: begun })
  for (const [index, item] of outputItems(answer).entries()) {
    send('response.output_item.added', { output_index: index, item: unfilled(item) })
    sendContent(item, answer, (type, members) => send(type, { item_id: item.id, output_index: index, ...members }))
    send('response.output_item.done', { output_index: index, item })
  }
  const response = finished(body, ask, answer)
  send(`response.${response.status}`, { response })
  return events
}

function sendContent(item: Item, answer: Answer, send: (type: string, members: JsonObject) => void): void {
  if (item.type === 'message') {
    const at = { content_index: 0 }
    send('response.content_part.added', { ...at, part: textPart('') })
    for (const delta of answer.pieces) send('response.output_text.delta', { ...at, delta, logprobs: [] })
    send('response.output_text.done', { ...at, text: answer.text, logprobs: [] })
    send('response.content_part.done', { ...at, part: textPart(answer.text) })
  }
  if (item.type === 'function_call') {
    const text = asText(item.arguments)
    for (const delta of argumentPieces(text)) send('response.function_call_arguments.delta', { delta })
    send('response.function_call_arguments.done', { name: item.name, arguments: text })
  }
}

function outputItems(answer: Answer): Item[] {
  const reasoning = { id: `rs_${ID}`, type: 'reasoning', summary: [], encrypted_content: `sandbox-${ID}` }
  const calls = answer.toolCalls.map((call, index) => ({
    id: `fc_${ID}${index}`,
    type: 'function_call',
    status: 'completed',
    call_id: `call_${ID}${index}`,
    ...call,
  }))
  const message = {
    id: `msg_${ID}`,
    type: 'message',
    status: answer.isCut ? 'incomplete' : 'completed',
    role: 'assistant',
    content: [textPart(answer.text)],
  }
  return [...(answer.isReasoning ? [reasoning] : []), ...(calls.length > 0 ? calls : [message])]
}

/** The item as it is announced, before its content. */
function unfilled(item: Item): Item {
  if (item.type === 'message') return { ...item, status: 'in_progress', content: [] }
  return item.type === 'function_call' ? { ...item, status: 'in_progress', arguments: '' } : item
}

function textPart(text: string) {
  return { type: 'output_text', text, annotations: [], logprobs: [] }
}

function finished(body: JsonObject, ask: Ask, answer: Answer) {
  const { usage } = answer
  return {
    ...responseOf(body, ask),
    status: answer.isCut ? 'incomplete' : 'completed',
    completed_at: answer.isCut ? null : CREATED,
    incomplete_details: answer.isCut ? { reason: 'max_output_tokens' } : null,
    output: outputItems(answer),
    usage: {
      input_tokens: usage.input,
      input_tokens_details: { cached_tokens: usage.cached, cache_write_tokens: 0 },
      output_tokens: usage.output,
      output_tokens_details: { reasoning_tokens: usage.reasoning },
      total_tokens: usage.input + usage.output,
    },
  }
}

/** The response as it stands at the start; most of it repeats the request, as OpenAI does. */
function responseOf(body: JsonObject, ask: Ask) {
  return {
    id: `resp_${ID}`,
    object: 'response',
    created_at: CREATED,
    status: 'in_progress',
    background: false,
    completed_at: null,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    model: ask.model,
    output: [],
    parallel_tool_calls: ask.isParallel,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: null, summary: null, ...asObject(body.reasoning) },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: 'default',
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: { format: { type: 'text' }, ...asObject(body.text) },
    tool_choice: body.tool_choice ?? 'auto',
    tools: asArray(body.tools).map(repeatedTool),
    top_logprobs: 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? 'disabled',
    usage: null,
    user: body.user ?? null,
    metadata: body.metadata ?? {},
  }
}

/** OpenAI repeats a function with both members, and takes it for strict unless told otherwise. */
function repeatedTool(tool: unknown): unknown {
  return isObject(tool) && tool.type === 'function' ? { parameters: null, strict: true, ...tool } : tool
}

function readFormat(format: JsonObject): unknown {
  if (format.type === 'json_schema') return format.schema ?? {}
  return format.type === 'json_object' ? {} : null
}
