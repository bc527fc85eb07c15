import type { WireProtocol } from '../words.ts'
import { GatewayError } from './errors.ts'
import { asObject, asString, isObject, type JsonObject, parseJson } from './json.ts'
import { addMember, applyEdits, type Edit, type ObjectScan, replaceMember, scanObject } from './json-scan.ts'
import { printable } from './upstream-words.ts'

export const MAX_JSON_DEPTH = 128
const MAX_ECHOED_KEY_CHARS = 64

/**
 * A checked request body. What was checked is what is forwarded. Text and JSON are made again from the bytes by those few
 * who need them: kept for the length of a request, they would be most of what the garbage collector has to move.
 */
export interface RequestBody {
  readText(): string
  readJson(): JsonObject
  /** Top-level members by where they stand in the text. */
  members: ObjectScan['members']
  model: string
  stream: boolean
  /** Chat streams: the caller asked for the usage chunk himself. */
  wantsUsageChunk: boolean
  promptCacheKey: string | null
  /** Of a Responses request: the response it goes on from. */
  previousResponseId: string | null
  /** Responses: false = the upstream is asked to forget the answer. */
  isStored: boolean
  /** Reasoning that only those who made it can read may be among the input. */
  hasEncryptedReasoning: boolean
  /** The output the caller is ready to pay for, in tokens; null = he states none. */
  maxOutputTokens: number | null
}

/**
 * The body's checks of the error table, in its order. `text` is what strict UTF-8 decoding gave, `readText` gives it again.
 * Throws body_empty, body_invalid, duplicate_key, json_too_deep, model_required.
 */
export function parseRequestBody(text: string, readText: () => string = () => text): RequestBody {
  if (text.trim() === '') throw new GatewayError('body_empty')
  const json = parseJson(text)
  if (!isObject(json)) throw new GatewayError('body_invalid')
  const scan = scanObject(text)
  if (scan.duplicateKey !== null)
    throw new GatewayError('duplicate_key', { param: printable(scan.duplicateKey, MAX_ECHOED_KEY_CHARS) })
  if (scan.depth > MAX_JSON_DEPTH) throw new GatewayError('json_too_deep')
  const { model } = json
  if (typeof model !== 'string' || model.trim() === '') throw new GatewayError('model_required', { param: 'model' })
  return {
    readText,
    readJson: () => asObject(parseJson(readText())),
    members: scan.members,
    model,
    stream: json.stream === true,
    wantsUsageChunk: isObject(json.stream_options) && json.stream_options.include_usage === true,
    promptCacheKey: asString(json.prompt_cache_key),
    previousResponseId: asString(json.previous_response_id) || null,
    isStored: json.store !== false,
    hasEncryptedReasoning: text.includes('"encrypted_content"'),
    maxOutputTokens: statedMaximum(json),
  }
}

/** Of either protocol; what is no count states nothing, the upstream will say so. */
function statedMaximum(json: JsonObject): number | null {
  const stated = json.max_output_tokens ?? json.max_completion_tokens ?? json.max_tokens
  return typeof stated === 'number' && Number.isSafeInteger(stated) && stated >= 0 ? stated : null
}

/** The text for the upstream: the caller's own with only the model mapped and usage asked for; null = nothing changes. */
export function upstreamText(body: RequestBody, protocol: WireProtocol, upstreamModel: string): string | null {
  const isMapped = upstreamModel !== body.model
  const asksForUsage = protocol === 'chat' && body.stream && !body.wantsUsageChunk
  if (!isMapped && !asksForUsage) return null
  const text = body.readText()
  const edits: Edit[] = []
  const model = body.members.get('model')
  if (isMapped && model) edits.push(replaceMember(model, JSON.stringify(upstreamModel)))
  if (asksForUsage) edits.push(askForUsage(text, body.members))
  return applyEdits(text, edits)
}

function askForUsage(text: string, members: RequestBody['members']): Edit {
  const span = members.get('stream_options')
  if (!span) return addMember(text.indexOf('{'), false, 'stream_options', '{"include_usage":true}')
  if (text[span.valueStart] !== '{') return replaceMember(span, '{"include_usage":true}')
  const options = scanObject(text, span.valueStart)
  const includeUsage = options.members.get('include_usage')
  if (includeUsage) return replaceMember(includeUsage, 'true')
  return addMember(span.valueStart, options.members.size === 0, 'include_usage', 'true')
}
