import { asObject, isObject, type JsonObject } from '../json.ts'
import { toInputItems } from './input-items.ts'
import { responsesChoice, responsesTool } from './responses-tools.ts'
import { listAt, present, type TranslatedRequest, translate, unsupported } from './translated.ts'

/** Members without counterpart that would change the answer; null is as good as absent. */
const REFUSED_MEMBERS = ['audio', 'function_call', 'functions', 'web_search_options'] as const

/** Members both protocols know by the same name and meaning. */
const SHARED_MEMBERS = [
  'model',
  'metadata',
  'moderation',
  'parallel_tool_calls',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'safety_identifier',
  'service_tier',
  'temperature',
  'top_p',
  'user',
] as const

/**
 * A Chat Completions request for an account that speaks Responses only.
 *
 * What would change the answer and has no counterpart is refused: n over 1, stop, logit_bias, penalties other than 0,
 * audio, web_search_options and the deprecated functions. What only advises is left out: seed, prediction, the names of
 * speakers, and members nobody documented. `store` is always false: chat answers are not kept by default either.
 * Limits are not checked: an output limit under 16 is for the upstream to refuse.
 */
export function toResponsesRequest(chatBody: JsonObject): TranslatedRequest {
  return translate(() => {
    refuseUnsayable(chatBody)
    const isStream = chatBody.stream === true
    const { include_obfuscation } = asObject(chatBody.stream_options)
    return present({
      ...Object.fromEntries(SHARED_MEMBERS.map((member) => [member, chatBody[member]])),
      input: toInputItems(chatBody.messages),
      tools: toolsMember(chatBody.tools),
      tool_choice: responsesChoice(chatBody.tool_choice),
      text: whole({ format: textFormat(chatBody.response_format), verbosity: chatBody.verbosity }),
      reasoning: whole({ effort: chatBody.reasoning_effort }),
      max_output_tokens: chatBody.max_completion_tokens ?? chatBody.max_tokens,
      top_logprobs: chatBody.top_logprobs,
      include: chatBody.logprobs === true ? ['message.output_text.logprobs'] : undefined,
      stream: isStream ? true : undefined,
      stream_options: isStream ? whole({ include_obfuscation }) : undefined,
      store: false,
    })
  })
}

function refuseUnsayable(body: JsonObject): void {
  for (const member of REFUSED_MEMBERS) {
    if (body[member] !== undefined && body[member] !== null) unsupported(member)
  }
  if (body.n !== undefined && body.n !== null && body.n !== 1) unsupported('n')
  for (const penalty of ['frequency_penalty', 'presence_penalty']) {
    if (body[penalty] !== undefined && body[penalty] !== null && body[penalty] !== 0) unsupported(penalty)
  }
  if (isFilled(body.stop)) unsupported('stop')
  if (isFilled(body.logit_bias)) unsupported('logit_bias')
  if (listAt(body.modalities, 'modalities').some((modality) => modality !== 'text')) unsupported('modalities')
}

/** Clients fill in empty lists and objects where they mean nothing. */
function isFilled(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (isObject(value)) return Object.keys(value).length > 0
  return value !== undefined && value !== null && value !== ''
}

function toolsMember(value: unknown): JsonObject[] | undefined {
  const tools = listAt(value, 'tools').map((tool, index) => responsesTool(tool, `tools[${index}]`))
  return tools.length === 0 ? undefined : tools
}

function textFormat(value: unknown): unknown {
  if (value === undefined || value === null) return undefined
  const { type, json_schema } = asObject(value)
  if (type === 'text' || type === 'json_object') return { type }
  if (type !== 'json_schema') return unsupported('response_format')
  const { name, description, schema, strict } = asObject(json_schema)
  // Chat lets the schema be left out and means any object; Responses insists on one.
  return present({ type, name, description, schema: schema ?? { type: 'object' }, strict: strict ?? false })
}

/** An object of the members that are there; undefined where none is. */
function whole(members: JsonObject): JsonObject | undefined {
  const given = present(members)
  return Object.keys(given).length === 0 ? undefined : given
}
