import type { Fault } from './fault.ts'
import { byteBomb, errorAnswer, headerBomb, htmlAnswer, huge, redirectAnswer } from './fault-answers.ts'
import { errorFrames } from './fault-event.ts'
import { breakJson, dropUsage, falsify, repeatKeys, withoutBytes } from './fault-frames.ts'
import { bodyBytes, healthySteps, opening, paced, type Script, type Step } from './script.ts'

type Cut = Extract<Fault, { kind: 'cut' }>

/** What goes over the wire when `fault` strikes the answer that `script` would have been. */
export function faultySteps(script: Script, fault: Fault, nowMs: number): Step[] {
  switch (fault.kind) {
    case 'status':
      return delayed(script, errorAnswer(fault, nowMs))
    case 'html':
      return delayed(script, htmlAnswer(fault.status))
    case 'redirect':
      return delayed(script, redirectAnswer(fault.status, fault.location))
    case 'slow_first_byte':
      return healthySteps({ ...script, firstByteMs: script.firstByteMs + fault.ms })
    case 'no_answer':
      return [{ do: 'silence', pingEveryMs: null }]
    case 'headers_only':
      return [...opening(script), { do: 'silence', pingEveryMs: fault.pingEveryMs ?? null }]
    case 'stall':
      return [...begun(script, fault.afterEvents), { do: 'silence', pingEveryMs: fault.pingEveryMs ?? null }]
    case 'cut':
      return cutSteps(script, fault)
    case 'malformed_json':
      return healthySteps({ ...script, frames: breakJson(script, fault.afterEvents) })
    case 'truncated_json':
      return truncated(script, fault.atBytes ?? Math.floor(bodyBytes(script) / 2))
    case 'empty':
      return [...opening(script, 0), { do: 'end' }]
    case 'missing_usage':
      return healthySteps({ ...script, frames: dropUsage(script) })
    case 'wrong_usage':
      return healthySteps({ ...script, frames: falsify(script, fault.value) })
    case 'duplicate_keys':
      return healthySteps({ ...script, frames: repeatKeys(script) })
    case 'error_event':
      return healthySteps({ ...script, frames: errorFrames(script, fault) })
    case 'no_terminal':
      return healthySteps({
        ...script,
        frames: script.frames.slice(0, Math.max(0, script.frames.length - fault.missingEvents)),
      })
    case 'huge_line':
      return huge(script, fault.afterEvents, fault.bytes)
    case 'header_bomb':
      return headerBomb(script, fault.bytes)
    case 'gzip_bomb':
      return byteBomb(script, fault.megabytes)
    case 'endless':
      return endless(script, fault.everyMs)
    case 'split':
      return split(script, fault.bytes, fault.everyMs)
    case 'informational':
      return [
        ...Array.from({ length: fault.count }, (): Step => ({ do: 'informational', status: fault.status })),
        ...healthySteps(script),
      ]
    case 'content_type':
      return healthySteps({ ...script, headers: { ...script.headers, 'content-type': fault.value } })
  }
}

function delayed(script: Script, steps: Step[]): Step[] {
  return script.firstByteMs > 0 ? [{ do: 'wait', ms: script.firstByteMs }, ...steps] : steps
}

/** The beginning of an answer: some events, or half of a JSON body. */
function begun(script: Script, afterEvents: number): Step[] {
  if (script.isStream) return [...opening(script), ...paced(script, script.frames.slice(0, afterEvents))]
  return [...opening(script), { do: 'write', data: withoutBytes(script, Math.floor(bodyBytes(script) / 2)) }]
}

function cutSteps(script: Script, fault: Cut): Step[] {
  const cut: Step = { do: 'cut', how: fault.how }
  if (fault.afterBytes !== undefined) {
    return [...opening(script), { do: 'write', data: withoutBytes(script, fault.afterBytes) }, cut]
  }
  if (fault.afterEvents !== undefined) return [...begun(script, fault.afterEvents), cut]
  return delayed(script, [cut])
}

function truncated(script: Script, atBytes: number): Step[] {
  const data = withoutBytes(script, atBytes)
  return [...opening(script, data.length), { do: 'write', data }, { do: 'end' }]
}

function split(script: Script, bytes: number, everyMs: number): Step[] {
  const data = Buffer.from(script.frames.join(''))
  return [...opening(script), { do: 'drip', data, bytes, everyMs }, { do: 'end' }]
}

/** Repeats the first event that carries text; a JSON answer becomes a string without an end. */
function endless(script: Script, everyMs: number): Step[] {
  if (!script.isStream) {
    const open: Step[] = opening({ ...script, isStream: true })
    return [
      ...open,
      { do: 'write', data: '{"id":"' },
      { do: 'repeat', data: 'x'.repeat(1024), times: Infinity, everyMs },
    ]
  }
  const found = script.frames.findIndex((frame) => /"delta":("[^"]|\{"content":"[^"])/.test(frame))
  const at = Math.max(found, 0)
  const again: Step = { do: 'repeat', data: script.frames[at] ?? '', times: Infinity, everyMs }
  return [...opening(script), ...paced(script, script.frames.slice(0, at)), again]
}
