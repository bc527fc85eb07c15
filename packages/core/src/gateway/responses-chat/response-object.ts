import { asObject, isObject, type JsonObject } from '../json.ts'

/** What an answer in Responses form needs besides the upstream's own. */
export interface ResponseContext {
  /** `resp_…`, ours: the upstream's chat id names nothing a client could ask for. */
  responseId: string
  /** The client's own request: most of its members are repeated in the answer. */
  requestBody: JsonObject
  /** The model as the client named it. */
  model: string
  createdAtSeconds: number
  /** A fresh unique text of letters, digits, `_` and `-`; ids of items and, where the upstream gave none, of calls. */
  newId: () => string
}

export interface ResponseState {
  status: 'in_progress' | 'completed' | 'incomplete' | 'failed'
  output: JsonObject[]
  usage?: JsonObject | null
  incompleteReason?: 'max_output_tokens' | 'content_filter'
  completedAtSeconds?: number
  error?: { code: string; message: string }
}

/** The whole `response` object, with every member the official clients expect. */
export function responseObject(context: ResponseContext, state: ResponseState): JsonObject {
  const { responseId, requestBody: body, model, createdAtSeconds } = context
  return {
    id: responseId,
    object: 'response',
    created_at: createdAtSeconds,
    status: state.status,
    background: false,
    completed_at: state.completedAtSeconds ?? null,
    error: state.error ?? null,
    incomplete_details: state.incompleteReason === undefined ? null : { reason: state.incompleteReason },
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    model,
    output: state.output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: null, summary: null, ...asObject(body.reasoning) },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: 'default',
    // Nothing is kept behind a chat-only server, whatever was asked for.
    store: false,
    temperature: body.temperature ?? 1,
    text: { format: { type: 'text' }, ...asObject(body.text) },
    tool_choice: body.tool_choice ?? 'auto',
    tools: Array.isArray(body.tools) ? body.tools.map(repeatedTool) : [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? 'disabled',
    usage: state.usage ?? null,
    user: body.user ?? null,
    metadata: asObject(body.metadata),
  }
}

/** A function is repeated with both members that clients expect of one; chat's functions are not strict by themselves. */
function repeatedTool(tool: unknown): unknown {
  return isObject(tool) && tool.type === 'function' ? { parameters: null, strict: false, ...tool } : tool
}
