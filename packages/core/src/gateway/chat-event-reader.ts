import type { EventReader } from './event-reader.ts'
import { asObject, asString, isObject, type JsonObject, parseJson } from './json.ts'
import { eventData } from './sse.ts'
import { errorCodeOf, upstreamId } from './upstream-words.ts'
import { readUsage, type UsageReading } from './usage.ts'

/** Reads Chat Completions chunks. Parses until the first visible output, then only chunks that carry usage or an error. */
export function createChatEventReader({ wantsUsageChunk }: { wantsUsageChunk: boolean }): EventReader {
  let usage: UsageReading = { kind: 'absent' }
  let responseId: string | null = null
  let serviceTier: string | null = null
  let errorCode: string | null = null
  let finishReason: string | null = null
  let failed = false
  let visible = false

  function readChunk(chunk: JsonObject): ReturnType<EventReader['read']> {
    responseId ??= upstreamId(chunk.id)
    serviceTier = upstreamId(chunk.service_tier) ?? serviceTier
    const error = errorOf(chunk)
    if (error !== null) {
      failed = true
      errorCode = errorCodeOf(error)
      return 'error'
    }
    const choices = Array.isArray(chunk.choices) ? chunk.choices.map(asObject) : []
    if (chunk.usage !== undefined && chunk.usage !== null) {
      const reading = readUsage(chunk.usage)
      if (reading.kind === 'given' || usage.kind !== 'given') usage = reading
      if (choices.length === 0 && isObject(chunk.usage) && !wantsUsageChunk) return 'extra_usage'
    }
    for (const choice of choices) finishReason = asString(choice.finish_reason) ?? finishReason
    if (visible) return 'content'
    visible = choices.some(({ delta, text }) => isText(text) || isVisibleDelta(asObject(delta)))
    return visible || finishReason !== null ? 'content' : 'preamble'
  }

  return {
    read(event) {
      if (visible && isPlainChunk(event)) return 'content'
      const data = eventData(event)
      if (data === null) return 'comment'
      if (data.startsWith('[DONE]')) return 'end'
      const chunk = parseJson(data)
      return isObject(chunk) ? readChunk(chunk) : 'content'
    },
    ending() {
      if (failed) return 'failed'
      if (finishReason === null) return null
      return finishReason === 'length' || finishReason === 'content_filter' ? 'incomplete' : 'completed'
    },
    usage: () => usage,
    responseId: () => responseId,
    serviceTier: () => serviceTier,
    errorEvent(event) {
      const chunk = asObject(parseJson(eventData(event) ?? ''))
      return isObject(chunk.error) ? event : `data: ${JSON.stringify({ error: errorOf(chunk) })}\n\n`
    },
    errorCode: () => errorCode,
    nextSequenceNumber: () => 0,
    hasVisibleOutput: () => visible,
  }
}

/** The error of a chunk: nested as OpenAI sends it, or flat as some servers do, which clients would silently ignore. */
function errorOf(chunk: JsonObject): JsonObject | null {
  if (isObject(chunk.error)) return chunk.error
  if (typeof chunk.error === 'string') return { message: chunk.error, type: 'upstream_error', param: null, code: null }
  if (chunk.choices !== undefined || typeof chunk.message !== 'string') return null
  const { message, type = 'upstream_error', param = null, code = null } = chunk
  return { message, type, param, code }
}

/** Members of a chat delta that carry what the caller pays for and sees. */
export const CHAT_TEXT_MEMBERS = [
  '"content"',
  '"arguments"',
  '"reasoning_content"',
  '"reasoning"',
  '"refusal"',
  '"input"',
] as const

/**
 * A chunk that carries nothing but text: most are, and need no parsing. Asked for usage, servers write `null` into every
 * chunk but the last, as they do for finish_reason. What has no choices may be an error of a server with its own ideas.
 * One pattern, because each pass over an event costs as much as all the rest that is done with it.
 */
function isPlainChunk(event: string): boolean {
  return event.startsWith('data: {') && event.includes('choices"') && !MORE_THAN_TEXT.test(event)
}

const MORE_THAN_TEXT = /"(?:usage|error|finish_reason)"\s*:\s*(?!null)[^\s]/

function isVisibleDelta(delta: JsonObject): boolean {
  return (
    isText(delta.content) ||
    isText(delta.refusal) ||
    isText(delta.reasoning_content) ||
    isText(delta.reasoning) ||
    isObject(delta.function_call) ||
    isObject(delta.audio) ||
    (Array.isArray(delta.tool_calls) && delta.tool_calls.length > 0)
  )
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
