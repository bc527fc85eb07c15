import { readPassedUsage } from './answer-reading.ts'
import type { EventReader } from './event-reader.ts'
import { asObject, isObject, parseJson } from './json.ts'
import { eventData } from './sse.ts'
import { errorCodeOf } from './upstream-words.ts'
import type { UsageReading } from './usage.ts'

/** Nothing follows them. An image may be followed by the next one, so that its stream ends with the transfer. */
const LAST_EVENTS = new Set(['speech.audio.done', 'transcript.text.done'])
const MAY_SAY_MORE = /"(?:usage|error|type)"\s*:/

/** Reads the events of speech, transcripts and images. Pictures and audio are parsed only where they end. */
export function createPassedEventReader(): EventReader {
  let usage: UsageReading = { kind: 'absent' }
  let errorCode: string | null = null
  let ending: ReturnType<EventReader['ending']> = null
  let visible = false

  return {
    read(event) {
      const data = eventData(event)
      if (data === null) return 'comment'
      if (data.startsWith('[DONE]')) return 'end'
      visible = true
      if (isPartial(data) || !MAY_SAY_MORE.test(data)) return 'content'
      const json = asObject(parseJson(data))
      if (isObject(json.error) || json.type === 'error') {
        ending = 'failed'
        errorCode = errorCodeOf(isObject(json.error) ? json.error : json)
        return 'error'
      }
      const reading = readPassedUsage(json.usage)
      if (reading.kind !== 'absent') usage = reading
      const type = String(json.type)
      if (LAST_EVENTS.has(type) || type.endsWith('.completed')) ending = 'completed'
      return LAST_EVENTS.has(type) ? 'end' : 'content'
    },
    ending: () => ending,
    usage: () => usage,
    responseId: () => null,
    serviceTier: () => null,
    errorEvent: (event) => event,
    errorCode: () => errorCode,
    nextSequenceNumber: () => 0,
    hasVisibleOutput: () => visible,
  }
}

function isPartial(data: string): boolean {
  return /"type"\s*:\s*"[a-z_.]*(?:\.delta|\.partial_image)"/.test(data.slice(0, 256))
}
