import type { SseEvent } from './sse.ts'

/** The two ways to ask, by the name of their route. */
export const ASKED_BY = ['chat/completions', 'responses'] as const
export type AskedBy = (typeof ASKED_BY)[number]

/** What the playground asks. */
export interface Question {
  askedBy: AskedBy
  model: string
  instructions: string
  text: string
  stream: boolean
}

/** An error in the gateway's own words. */
export interface AnswerError {
  code: string | null
  type: string | null
  message: string
}

/** What one event, or a whole body, adds to an answer. */
export type AnswerStep = { kind: 'text'; text: string } | { kind: 'error'; error: AnswerError }

export function bodyOf({ askedBy, model, instructions, text, stream }: Question): object {
  const system = instructions.trim()
  if (askedBy === 'responses') return { model, input: text, stream, ...(system === '' ? {} : { instructions: system }) }
  const messages = [...(system === '' ? [] : [{ role: 'system', content: system }]), { role: 'user', content: text }]
  return { model, messages, stream }
}

/** What an event of a stream tells; null = nothing that is shown. */
export function stepOfEvent(askedBy: AskedBy, { data }: SseEvent): AnswerStep | null {
  const event = parse(data)
  if (event === null) return null
  const error = errorIn(event) ?? errorIn(at(event, 'response'))
  if (error) return { kind: 'error', error }
  const text =
    askedBy === 'responses'
      ? at(event, 'type') === 'response.output_text.delta' && at(event, 'delta')
      : at(first(at(event, 'choices')), 'delta', 'content')
  return typeof text === 'string' && text !== '' ? { kind: 'text', text } : null
}

/** What a whole body tells: its text, or its error; a body that is none of ours is shown as it is. */
export function stepOfBody(askedBy: AskedBy, body: string): AnswerStep {
  const parsed = parse(body)
  const error = errorIn(parsed)
  if (error) return { kind: 'error', error }
  const text = askedBy === 'responses' ? outputText(parsed) : at(first(at(parsed, 'choices')), 'message', 'content')
  return { kind: 'text', text: typeof text === 'string' ? text : body }
}

/** The models a list of them names. */
export function modelsIn(body: string): string[] {
  const data = at(parse(body), 'data')
  return Array.isArray(data) ? data.map((model) => at(model, 'id')).filter((id) => typeof id === 'string') : []
}

function outputText(body: unknown): string | undefined {
  const output = at(body, 'output')
  if (!Array.isArray(output)) return undefined
  return output
    .flatMap((item): unknown[] => {
      const content = at(item, 'content')
      return Array.isArray(content) ? content : []
    })
    .map((part) => at(part, 'text'))
    .filter((text) => typeof text === 'string')
    .join('')
}

function errorIn(value: unknown): AnswerError | null {
  const error = at(value, 'error')
  const message = at(error, 'message')
  if (typeof message !== 'string') return null
  return { code: textOrNull(at(error, 'code')), type: textOrNull(at(error, 'type')), message }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function first(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : undefined
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (inner, name) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, name) : undefined),
    value,
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // `[DONE]`, or a page of a proxy: nothing of ours.
    return null
  }
}
