import type { Fault } from './fault.ts'
import { isObject, type JsonObject } from './json.ts'
import type { Script } from './script.ts'
import { rewriteFrame } from './sse.ts'

type WrongUsage = Extract<Fault, { kind: 'wrong_usage' }>['value']

const WRONG: Record<WrongUsage, unknown> = {
  negative: -5,
  string: '12',
  nan: 'NaN',
  huge: Number.MAX_VALUE,
  fraction: 1.5,
  zero: 0,
}

/** The first `bytes` bytes of the body, inside a character if need be. */
export function withoutBytes(script: Script, bytes: number): Buffer {
  return Buffer.from(script.frames.join('')).subarray(0, bytes)
}

/** Tears the JSON of one event (or of the whole body) in two. */
export function breakJson(script: Script, afterEvents: number): string[] {
  const at = script.isStream ? afterEvents : 0
  return script.frames.map((frame, index) =>
    index === at ? rewriteFrame(frame, (json) => json.slice(0, Math.floor(json.length / 2))) : frame,
  )
}

/** Takes the usage out everywhere, with the chunk that carries nothing else. */
export function dropUsage(script: Script): string[] {
  return rewriteObjects(script, (object) => {
    const { usage, ...rest } = object
    if (isObject(usage) && script.isStream && Array.isArray(rest.choices) && rest.choices.length === 0) return null
    return isObject(rest.response) ? { ...rest, response: { ...rest.response, usage: undefined } } : rest
  })
}

/** Puts nonsense in place of the counts. */
export function falsify(script: Script, value: WrongUsage): string[] {
  function wrong(usage: unknown): unknown {
    if (!isObject(usage)) return usage
    return Object.fromEntries(
      Object.entries(usage).map(([name, count]) => [name, isObject(count) ? count : WRONG[value]]),
    )
  }
  return rewriteObjects(script, (object) => {
    if (isObject(object.response)) {
      return { ...object, response: { ...object.response, usage: wrong(object.response.usage) } }
    }
    return 'usage' in object ? { ...object, usage: wrong(object.usage) } : object
  })
}

/** Wrong members first, the right ones after them, as a careless proxy might merge them. */
export function repeatKeys(script: Script): string[] {
  const wrong = '"id":"duplicate","model":"duplicate","usage":{"duplicate":true},'
  return script.frames.map((frame) =>
    rewriteFrame(frame, (json) => {
      if (!json.includes('"response":{')) return `{${wrong}${json.slice(1)}`
      return `{"sequence_number":-1,${json.slice(1).replace('"response":{', `"response":{${wrong}`)}`
    }),
  )
}

/** `rewrite` returns null for a frame that must go. */
function rewriteObjects(script: Script, rewrite: (object: JsonObject) => JsonObject | null): string[] {
  return script.frames.flatMap((frame) => {
    let isGone = false
    const rewritten = rewriteFrame(frame, (json) => {
      const parsed: unknown = JSON.parse(json)
      const object = isObject(parsed) ? rewrite(parsed) : null
      isGone = object === null
      return JSON.stringify(object)
    })
    return isGone ? [] : [rewritten]
  })
}
