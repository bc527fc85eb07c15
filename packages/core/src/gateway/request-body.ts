import type { WireProtocol } from '../words.ts'
import { GatewayError } from './errors.ts'
import { isObject, type JsonObject, parseJson } from './json.ts'
import { addMember, applyEdits, type Edit, type ObjectScan, replaceMember, scanObject } from './json-scan.ts'
import { printable } from './upstream-words.ts'

export const MAX_JSON_DEPTH = 128
const MAX_ECHOED_KEY_CHARS = 64

/** A checked request body. What was checked is what is forwarded: `text` is the caller's own. */
export interface RequestBody {
  text: string
  json: JsonObject
  scan: ObjectScan
  model: string
  stream: boolean
  /** Chat streams: the caller asked for the usage chunk himself. */
  wantsUsageChunk: boolean
}

/**
 * The body's checks of the error table, in its order. `text` is what strict UTF-8 decoding gave.
 * Throws body_empty, body_invalid, duplicate_key, json_too_deep, model_required.
 */
export function parseRequestBody(text: string): RequestBody {
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
    text,
    json,
    scan,
    model,
    stream: json.stream === true,
    wantsUsageChunk: isObject(json.stream_options) && json.stream_options.include_usage === true,
  }
}

/** The text for the upstream: the caller's own with only the model mapped and usage asked for. */
export function upstreamText(body: RequestBody, protocol: WireProtocol, upstreamModel: string): string {
  const edits: Edit[] = []
  if (upstreamModel !== body.model) {
    const span = body.scan.members.get('model')
    if (span) edits.push(replaceMember(span, JSON.stringify(upstreamModel)))
  }
  if (protocol === 'chat' && body.stream && !body.wantsUsageChunk) edits.push(askForUsage(body))
  return edits.length === 0 ? body.text : applyEdits(body.text, edits)
}

function askForUsage({ text, json, scan }: RequestBody): Edit {
  const span = scan.members.get('stream_options')
  if (!span) return addMember(text.indexOf('{'), false, 'stream_options', '{"include_usage":true}')
  if (!isObject(json.stream_options)) return replaceMember(span, '{"include_usage":true}')
  const options = scanObject(text, span.valueStart)
  const includeUsage = options.members.get('include_usage')
  if (includeUsage) return replaceMember(includeUsage, 'true')
  return addMember(span.valueStart, options.members.size === 0, 'include_usage', 'true')
}
