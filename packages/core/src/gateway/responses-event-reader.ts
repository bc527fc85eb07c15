import { GATEWAY_ERRORS } from './errors.ts'
import type { EventKind, EventReader } from './event-reader.ts'
import { asObject, asString, isObject, type JsonObject, parseJson } from './json.ts'
import { responsesErrorEvent } from './openai-error.ts'
import { eventData } from './sse.ts'
import { errorCodeOf, upstreamId } from './upstream-words.ts'
import { readUsage, type UsageReading } from './usage.ts'

const PREAMBLES = new Set(['response.created', 'response.queued', 'response.in_progress'])
const ENDS = new Map<string, ReturnType<EventReader['ending']>>([
  ['response.completed', 'completed'],
  ['response.incomplete', 'incomplete'],
  ['response.failed', 'failed'],
  ['response.cancelled', 'failed'],
  ['error', 'failed'],
])
const UNREADABLE = GATEWAY_ERRORS.upstream_failed.message
const SEQUENCE_NUMBER = '"sequence_number"'
/** Enough of an event to hold its name and, as upstreams write them, its type and sequence number. */
const HEAD_CHARS = 256

/** Reads Responses events. Parses only those that carry a whole response: preambles, ends and errors. */
export function createResponsesEventReader(): EventReader {
  let usage: UsageReading = { kind: 'absent' }
  let responseId: string | null = null
  let serviceTier: string | null = null
  let errorCode: string | null = null
  let ending: ReturnType<EventReader['ending']> = null
  let sequence = -1
  let visible = false

  function readResponse(type: string, data: JsonObject): EventKind {
    const response = asObject(data.response)
    responseId = upstreamId(response.id) ?? responseId
    if (PREAMBLES.has(type)) return 'preamble'
    // What a preamble says is what was asked for, `auto` for one.
    serviceTier = upstreamId(response.service_tier) ?? serviceTier
    const reading = readUsage(response.usage)
    if (reading.kind !== 'absent') usage = reading
    // An end that cannot be read is none.
    ending = isObject(data.response) ? (ENDS.get(type) ?? null) : 'failed'
    if (ending !== 'failed') return 'end'
    const error = isObject(response.error) ? response.error : isObject(data.error) ? data.error : data
    errorCode = errorCodeOf({ code: error.code })
    return 'error'
  }

  return {
    read(event) {
      const data = eventData(event)
      if (data === null) return 'comment'
      const type = eventType(event, data)
      sequence = findSequence(event) ?? sequence + 1
      if (PREAMBLES.has(type) || ENDS.has(type)) return readResponse(type, asObject(parseJson(data)))
      visible ||= isVisible(type)
      return 'content'
    },
    ending: () => ending,
    usage: () => usage,
    responseId: () => responseId,
    serviceTier: () => serviceTier,
    errorEvent(event) {
      const data = asObject(parseJson(eventData(event) ?? ''))
      if (isObject(data.response)) return event
      const { code = 'upstream_failed', message = UNREADABLE } = isObject(data.error) ? data.error : data
      return responsesErrorEvent({ code, message }, responseId ?? 'resp_unknown', sequence)
    },
    errorCode: () => errorCode,
    nextSequenceNumber: () => sequence + 1,
    hasVisibleOutput: () => visible,
  }
}

/** Members of a Responses event that carry what the caller pays for and sees; `.done` events repeat it under other names. */
export const RESPONSES_TEXT_MEMBERS = ['"delta"'] as const

function isVisible(type: string): boolean {
  return type.endsWith('.delta') || type.includes('image') || type === 'response.output_item.done'
}

/** The event's name line, else its JSON member `type`. */
function eventType(event: string, data: string): string {
  const named = /^(?:.*\n)??event: ?([^\r\n]*)/.exec(event.slice(0, HEAD_CHARS))?.[1]
  if (named !== undefined && (named.startsWith('response.') || named === 'error')) return named
  const typed = /"type"\s*:\s*"((?:response\.|error)[^"]*)"/.exec(data.slice(0, HEAD_CHARS))?.[1]
  return typed ?? asString(asObject(parseJson(data)).type) ?? ''
}

function findSequence(event: string): number | null {
  const at = event.indexOf(SEQUENCE_NUMBER)
  if (at === -1) return null
  const digits = /^\s*:\s*(\d+)/.exec(event.slice(at + SEQUENCE_NUMBER.length, at + SEQUENCE_NUMBER.length + 20))?.[1]
  return digits === undefined ? null : Number(digits)
}
