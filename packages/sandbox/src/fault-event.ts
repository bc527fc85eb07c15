import type { Fault } from './fault.ts'
import { asObject, type JsonObject } from './json.ts'
import { errorBody } from './refusal.ts'
import type { Script } from './script.ts'
import { namedEvent, rewriteFrame } from './sse.ts'

type ErrorEvent = Extract<Fault, { kind: 'error_event' }>

/** A stream that turns into an error: so many events, the error, the end. A JSON answer is the error alone. */
export function errorFrames(script: Script, fault: ErrorEvent): string[] {
  if (!script.isStream) return [errorJson(script, fault)]
  const before = script.frames.slice(0, Math.min(fault.afterEvents, script.frames.length - 1))
  return [...before, errorEvent(script, fault, before.length)]
}

function errorEvent(script: Script, fault: ErrorEvent, sequenceNumber: number): string {
  switch (fault.style ?? (script.protocol === 'responses' ? 'failed' : 'nested')) {
    case 'nested':
      return `data: ${errorBody(members(fault))}\n\n`
    case 'flat':
      return `data: ${JSON.stringify(members(fault))}\n\n`
    case 'error':
      return namedEvent({ ...members(fault), type: 'error', sequence_number: sequenceNumber })
    case 'failed':
      return namedEvent({
        type: 'response.failed',
        sequence_number: sequenceNumber,
        response: failed(firstResponse(script), fault),
      })
  }
}

function errorJson(script: Script, fault: ErrorEvent): string {
  if (script.protocol !== 'responses' || fault.style === 'nested') return errorBody(members(fault))
  return rewriteFrame(script.frames[0] ?? '{}', (json) => JSON.stringify(failed(asObject(JSON.parse(json)), fault)))
}

function members(fault: ErrorEvent) {
  return { message: fault.message, type: fault.type, param: null, code: fault.code }
}

function failed(response: JsonObject, fault: ErrorEvent) {
  const error = { code: fault.code, message: fault.message }
  return { ...response, status: 'failed', completed_at: null, output: [], usage: null, error }
}

/** The response of `response.created`, so that the failed one has its id. */
function firstResponse(script: Script): JsonObject {
  const frame = script.frames[0] ?? ''
  const data = frame.slice(frame.indexOf('{'), frame.lastIndexOf('}') + 1)
  return data === '' ? {} : asObject(asObject(JSON.parse(data)).response)
}
