import { z } from 'zod'
import { Fault } from './fault.ts'
import { isObject, type JsonObject } from './json.ts'
import { Refusal } from './refusal.ts'

const ms = z.int().min(0).max(3_600_000)

/** What a caller may ask of one answer. Unset members follow the server's defaults. */
export const Directive = z
  .strictObject({
    /** Silence before the headers. */
    firstByteMs: ms,
    /** Pause between two events of a stream. */
    eventMs: ms,
    /** Text events of a stream; alone it also makes the text that many words long. */
    events: z.int().min(1).max(100_000),
    /** Length of the text in words. */
    words: z.int().min(1).max(1_000_000),
    /** Length of the text in bytes (ASCII). */
    bytes: z
      .int()
      .min(0)
      .max(2 ** 28),
    /** The text itself. */
    text: z.string(),
    reasoningTokens: z.int().min(0).max(1_000_000),
    /** How much of the prompt is reported as read from a cache. */
    cachedTokens: z.int().min(0).max(100_000_000),
    /** Name of a tool of the request to call, with `arguments` instead of made-up ones. */
    tool: z.string(),
    arguments: z.record(z.string(), z.unknown()),
    fault: Fault,
  })
  .partial()
export type Directive = z.output<typeof Directive>

const IN_PROMPT = /\[\[sandbox:([\s\S]*?)\]\](?![\]},])/
const PAIR = /([\w.]+)=("(?:[^"\\]|\\.)*"|\S+)/g

/**
 * Takes `[[sandbox: events=50 eventMs=5 fault=cut afterEvents=3]]` out of a prompt. Members after `fault=` belong to the
 * fault; a JSON object is understood as well: `[[sandbox: {"tool":"search","arguments":{"q":"x"}}]]`.
 * @throws Refusal 400 `invalid_directive`, so that a typing error does not pass for a healthy answer
 */
export function promptDirective(prompt: string): { prompt: string; directive: Directive } {
  const found = prompt.includes('[[sandbox:') ? IN_PROMPT.exec(prompt) : null
  if (found === null) return { prompt, directive: {} }
  const [whole, inside = ''] = found
  return { prompt: prompt.replace(whole, '').trim(), directive: readDirective(inside) }
}

/** `sandbox-small?eventMs=20&fault=stall`: a model mapping can command the sandbox too. */
export function modelDirective(model: string): Directive {
  const at = model.indexOf('?')
  return at === -1 ? {} : checked(nested([...new URLSearchParams(model.slice(at + 1))]))
}

/** Reads either form: `name=value` pairs or a JSON object. */
export function readDirective(text: string): Directive {
  if (text.trim().startsWith('{')) return checked(parseObject(text))
  return checked(nested([...text.matchAll(PAIR)].map(([, name = '', value = '']) => [name, unquoted(value)])))
}

function nested(pairs: [string, string][]): JsonObject {
  const members: JsonObject = {}
  let target = members
  for (const [name, value] of pairs) {
    if (name === 'fault') {
      target = { kind: value }
      members.fault = target
    } else target[name] = typed(value)
  }
  return members
}

function typed(value: string): unknown {
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value)
  return value.startsWith('{') ? parseObject(value) : value
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
}

function parseObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch (cause) {
    throw new Refusal(400, 'invalid_directive', `Sandbox directive is not JSON: ${String(cause)}`)
  }
  throw new Refusal(400, 'invalid_directive', 'Sandbox directive is not an object')
}

function checked(members: JsonObject): Directive {
  const result = Directive.safeParse(members)
  if (result.success) return result.data
  throw new Refusal(400, 'invalid_directive', `Sandbox directive: ${z.prettifyError(result.error)}`)
}
