import { asObject, asString, isObject, type JsonObject } from '../json.ts'
import { finishReasonOf } from './finish-reason.ts'
import { failureOf, objectsOf, UNNAMED_FAILURE, type UpstreamFailure } from './translated.ts'
import { toChatUsage } from './usage.ts'

/** What an answer in chat form needs besides the upstream's own. */
export interface ChatContext {
  /** `chatcmpl-…`, ours. */
  id: string
  /** The model as the client named it. */
  model: string
  createdSeconds: number
}

/** Turns Responses events into chat chunks. Once `ending` is not null, `push` and `fail` return nothing. */
export interface ChatStream {
  /** One parsed event. What chat has no word for is skipped. */
  push(event: unknown): JsonObject[]
  /** The upstream broke off: one chunk `{ error }`, nested, because clients ignore a flat one. */
  fail(failure: UpstreamFailure): JsonObject[]
  /** `done`: the upstream finished and `[DONE]` is due. `failed`: the error chunk was the last. */
  ending(): 'done' | 'failed' | null
}

type TextKind = 'text' | 'refusal' | 'summary' | 'thoughts' | 'arguments' | 'input'

/** One text of the output: part `part` of item `item`. */
interface TextPlace {
  kind: TextKind
  item: unknown
  part: number
}

/** Events that carry a piece of a text. */
const DELTA_EVENTS = new Map<unknown, TextKind>([
  ['response.output_text.delta', 'text'],
  ['response.refusal.delta', 'refusal'],
  ['response.reasoning_summary_text.delta', 'summary'],
  ['response.reasoning_text.delta', 'thoughts'],
  ['response.function_call_arguments.delta', 'arguments'],
  ['response.custom_tool_call_input.delta', 'input'],
])

/**
 * Chunks in OpenAI's order: the role, deltas, the finish reason and, with `includeUsage`, one more for the usage.
 * Upstreams may leave out deltas: what an item has more when it is done, or only in the final response, is sent then.
 */
export function createChatStream({ includeUsage, ...context }: ChatContext & { includeUsage: boolean }): ChatStream {
  let chunks: JsonObject[] = []
  let ending: ReturnType<ChatStream['ending']> = null
  let hasRole = false
  const sentChars = new Map<string, number>()
  /** Index in `tool_calls` by index in `output`. */
  const calls = new Map<unknown, number>()

  function chunk(choices: JsonObject[], usage: JsonObject | null): void {
    const { id, createdSeconds: created, model } = context
    chunks.push({ id, object: 'chat.completion.chunk', created, model, choices, ...(includeUsage && { usage }) })
  }

  function send(delta: JsonObject, logprobs: JsonObject | null = null, finishReason: string | null = null): void {
    const opening = hasRole ? {} : { role: 'assistant', content: delta.tool_calls === undefined ? '' : null }
    hasRole = true
    chunk([{ index: 0, delta: { ...opening, ...delta }, logprobs, finish_reason: finishReason }], null)
  }

  function sendText(place: TextPlace, text: string, logprobs: unknown = null): void {
    if (text === '') return
    const key = JSON.stringify([place.kind, place.item, place.part])
    const sent = sentChars.get(key) ?? 0
    sentChars.set(key, sent + text.length)
    send(textDelta(place, text, sent === 0, calls.get(place.item)), logprobsOf(place.kind, logprobs))
  }

  /** Sends what is still missing of a text that is now known whole. */
  function complete(place: TextPlace, whole: unknown, logprobs: unknown = null): void {
    const sent = sentChars.get(JSON.stringify([place.kind, place.item, place.part])) ?? 0
    if (typeof whole === 'string') sendText(place, whole.slice(sent), sent === 0 ? logprobs : null)
  }

  function openCall(item: JsonObject, at: unknown): void {
    if (calls.has(at)) return
    const index = calls.size
    calls.set(at, index)
    const name = asString(item.name) ?? ''
    const id = asString(item.call_id) ?? asString(item.id) ?? `call_${index}`
    if (item.type === 'custom_tool_call')
      send({ tool_calls: [{ index, id, type: 'custom', custom: { name, input: '' } }] })
    else send({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] })
  }

  function openItem(item: JsonObject, at: unknown): void {
    if (item.type === 'function_call' || item.type === 'custom_tool_call') openCall(item, at)
  }

  function completeItem(item: JsonObject, at: unknown): void {
    openItem(item, at)
    if (item.type === 'function_call') complete({ kind: 'arguments', item: at, part: 0 }, item.arguments)
    if (item.type === 'custom_tool_call') complete({ kind: 'input', item: at, part: 0 }, item.input)
    for (const [part, { text }] of objectsOf(item.summary).entries())
      complete({ kind: 'summary', item: at, part }, text)
    for (const [part, { type, text, refusal, logprobs }] of objectsOf(item.content).entries()) {
      if (type === 'output_text') complete({ kind: 'text', item: at, part }, text, logprobs)
      if (type === 'refusal') complete({ kind: 'refusal', item: at, part }, refusal)
      if (type === 'reasoning_text') complete({ kind: 'thoughts', item: at, part }, text)
    }
  }

  function finish(response: JsonObject): void {
    for (const [index, item] of objectsOf(response.output).entries()) completeItem(item, index)
    send({}, null, finishReasonOf(response, calls.size > 0))
    if (includeUsage) chunk([], toChatUsage(response.usage))
    ending = 'done'
  }

  function fail({ code, message }: UpstreamFailure): void {
    chunks.push({ error: { message, type: 'upstream_error', param: null, code } })
    ending = 'failed'
  }

  function read(event: JsonObject): void {
    const { type, output_index: at } = event
    const kind = DELTA_EVENTS.get(type)
    if (kind !== undefined) return readDelta(kind, event)
    switch (type) {
      case 'response.output_item.added':
        return openItem(asObject(event.item), at)
      case 'response.output_item.done':
        return completeItem(asObject(event.item), at)
      case 'response.completed':
      case 'response.incomplete':
        return finish(asObject(event.response))
      case 'response.failed':
      case 'response.cancelled':
        return fail(failureOf(asObject(event.response).error) ?? UNNAMED_FAILURE)
      case 'error':
        return fail(failureOf(event.error ?? { code: event.code, message: event.message }) ?? UNNAMED_FAILURE)
    }
  }

  function readDelta(kind: TextKind, event: JsonObject): void {
    const { output_index: item, delta, logprobs } = event
    // Arguments of a call that was never announced come with its finished item.
    const isStray = (kind === 'arguments' || kind === 'input') && !calls.has(item)
    const part = event.content_index ?? event.summary_index ?? 0
    if (!isStray && typeof delta === 'string') sendText({ kind, item, part: Number(part) }, delta, logprobs)
  }

  function take(): JsonObject[] {
    const taken = chunks
    chunks = []
    return taken
  }

  return {
    push(event) {
      if (ending === null && isObject(event)) read(event)
      return take()
    },
    fail(failure) {
      if (ending === null) fail(failure)
      return take()
    },
    ending: () => ending,
  }
}

function textDelta({ kind, part }: TextPlace, text: string, isStart: boolean, index: number | undefined): JsonObject {
  switch (kind) {
    case 'text':
      return { content: text }
    case 'refusal':
      return { refusal: text }
    case 'summary':
      return { reasoning_content: isStart && part > 0 ? `\n\n${text}` : text }
    case 'thoughts':
      return { reasoning_content: text }
    case 'arguments':
      return { tool_calls: [{ index, function: { arguments: text } }] }
    case 'input':
      return { tool_calls: [{ index, custom: { input: text } }] }
  }
}

function logprobsOf(kind: TextKind, value: unknown): JsonObject | null {
  const entries = objectsOf(value)
  return kind === 'text' && entries.length > 0 ? { content: entries, refusal: null } : null
}
