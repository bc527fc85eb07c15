import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asObject, type JsonObject } from '../json.ts'
import { toChatAnswer } from './chat-answer.ts'
import { toChatRequest } from './chat-request.ts'
import { createChatStream } from './chat-stream.ts'
import { toResponsesAnswer } from './responses-answer.ts'
import { toResponsesRequest } from './responses-request.ts'
import { createResponsesStream } from './responses-stream.ts'
import { objectsOf, type TranslatedRequest } from './translated.ts'

interface Call {
  kind: 'function' | 'custom'
  name: string
  sent: string
}

const text = fc.string({ minLength: 1, unit: 'grapheme' })
const call = fc.record<Call>({
  kind: fc.constantFrom('function', 'custom'),
  name: fc.stringMatching(/^[a-zA-Z0-9_-]{1,64}$/),
  sent: fc.oneof(fc.json(), text),
})
/** One turn of the assistant. Tools are declared with one kind each. */
const turn = fc.record({
  said: fc.option(text),
  calls: fc.uniqueArray(call, { selector: ({ name }) => name, maxLength: 4 }),
})

function toolsOf(calls: Call[]): JsonObject[] {
  return calls.map(({ kind, name }) => ({ type: kind, name }))
}

function outputOf({ said, calls }: { said: string | null; calls: Call[] }, prefix = 'call'): JsonObject[] {
  const message = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: said }] }
  const items = calls.map(({ kind, name, sent }, index) =>
    kind === 'custom'
      ? { type: 'custom_tool_call', call_id: `${prefix}_${index}`, name, input: sent }
      : { type: 'function_call', call_id: `${prefix}_${index}`, name, arguments: sent },
  )
  return said === null ? items : [message, ...items]
}

/** What must survive: kinds, ids, names and texts. */
function essence(items: unknown): unknown[] {
  return objectsOf(items).map(({ type, call_id, name, arguments: given, input, content, output }) => ({
    type,
    call_id,
    name,
    sent: given ?? input ?? output,
    texts: objectsOf(content).map((part) => part.text),
  }))
}

/** Custom tools are functions in chat: their calls come back as functions around the same text. */
function unwrapped(items: JsonObject[], calls: Call[]): JsonObject[] {
  const custom = new Set(calls.filter(({ kind }) => kind === 'custom').map(({ name }) => name))
  return items.map(({ arguments: given, ...item }) => {
    if (item.type !== 'function_call' || !custom.has(String(item.name))) return { ...item, arguments: given }
    return { ...item, type: 'custom_tool_call', input: asObject(JSON.parse(String(given))).input }
  })
}

function bodyOf(translated: TranslatedRequest): JsonObject {
  if (!translated.ok) throw new Error(`refused: ${translated.param}`)
  return translated.body
}

function context(calls: Call[]) {
  let ids = 0
  const newId = () => String(++ids)
  return { responseId: 'resp_1', requestBody: { tools: toolsOf(calls) }, model: 'm', createdAtSeconds: 1, newId }
}

const chat = { id: 'chatcmpl-1', model: 'm', createdSeconds: 1 }

test('a history goes to chat and back with every text, call and result in its place', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ asked: text, turn, result: text }), { maxLength: 4 }), (rounds) => {
      const input = rounds.flatMap(({ asked, turn: { said, calls }, result }, round) => {
        const functions = calls.map((each): Call => ({ ...each, kind: 'function' }))
        const output = outputOf({ said, calls: functions }, `call_${round}`)
        const results = functions.map((_, index) => ({
          type: 'function_call_output',
          call_id: `call_${round}_${index}`,
          output: result,
        }))
        return [
          { type: 'message', role: 'user', content: [{ type: 'input_text', text: asked }] },
          ...output,
          ...results,
        ]
      })
      const there = bodyOf(toChatRequest({ model: 'm', input }))
      expect(essence(bodyOf(toResponsesRequest(there)).input)).toEqual(essence(input))
    }),
  )
})

test('calls of custom tools come back from chat with the same text', () => {
  fc.assert(
    fc.property(turn, ({ said, calls }) => {
      const input = outputOf({ said, calls })
      const there = bodyOf(toChatRequest({ model: 'm', input, tools: toolsOf(calls) }))
      const back = objectsOf(bodyOf(toResponsesRequest(there)).input)
      expect(essence(unwrapped(back, calls))).toEqual(essence(input))
    }),
  )
})

test('a whole answer goes to chat and back', () => {
  fc.assert(
    fc.property(turn, ({ said, calls }) => {
      const functions = calls.map((each): Call => ({ ...each, kind: 'function' }))
      const output = outputOf({ said, calls: functions })
      const there = toChatAnswer({ status: 'completed', output }, chat)
      const back = toResponsesAnswer(there.kind === 'answer' ? there.body : null, context(functions))
      expect(back.kind === 'answer' && essence(back.body.output)).toEqual(essence(output))
    }),
  )
})

test('a stream cut anywhere carries the same answer as its whole, through both translations', () => {
  fc.assert(
    fc.property(turn, fc.integer({ min: 1, max: 7 }), ({ said, calls }, size) => {
      const responses = createResponsesStream(context(calls))
      const events = [
        ...chunksOf({ said, calls }, size).flatMap((chunk) => responses.push(chunk)),
        ...responses.finish(),
      ]
      expect(essence(asObject(events.at(-1)?.response).output)).toEqual(essence(outputOf({ said, calls })))

      const chats = createChatStream({ ...chat, includeUsage: false })
      const chunks = events.flatMap((event) => chats.push(event))
      const again = createResponsesStream(context(calls))
      for (const chunk of chunks) again.push(chunk)
      const [last] = again.finish().slice(-1)
      expect(essence(asObject(last?.response).output)).toEqual(essence(outputOf({ said, calls })))
    }),
  )
})

/** The answer as a chat server streams it, every text in pieces of `size` characters. */
function chunksOf({ said, calls }: { said: string | null; calls: Call[] }, size: number): JsonObject[] {
  const spoken = piecesOf(said ?? '', size).map((content) => ({ content }))
  const called = calls.flatMap(({ kind, name, sent }, index) => {
    const given = kind === 'custom' ? JSON.stringify({ input: sent }) : sent
    const start = { index, id: `call_${index}`, type: 'function', function: { name, arguments: '' } }
    const pieces = piecesOf(given, size).map((piece) => ({ index, function: { arguments: piece } }))
    return [start, ...pieces].map((piece) => ({ tool_calls: [piece] }))
  })
  return [...spoken, ...called, {}].map((delta) => ({ choices: [{ index: 0, delta, finish_reason: null }] }))
}

function piecesOf(whole: string, size: number): string[] {
  return Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
    whole.slice(index * size, (index + 1) * size),
  )
}

test('no request, however odd, makes a translation throw', () => {
  const keys = ['input', 'messages', 'tools', 'tool_choice', 'text', 'role', 'content', 'type', 'name', 'function']
  const odd = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue())
  const item = fc
    .record({ type: fc.constantFrom('message', 'function_call', 'custom', 'function', 'text') })
    .chain((typed) => odd.map((members) => ({ ...members, ...typed })))
  const body = fc.record({ input: fc.array(item), messages: fc.array(item), tools: fc.array(item), tool_choice: item })
  fc.assert(
    fc.property(fc.oneof(odd, body), (request) => {
      for (const translated of [toChatRequest(request), toResponsesRequest(request)]) {
        expect(translated.ok ? typeof translated.body : translated.param).not.toBe('')
      }
    }),
  )
})

test('no upstream, however odd, makes a stream throw or leave its end out', () => {
  const members = fc.dictionary(
    fc.constantFrom('choices', 'delta', 'content', 'tool_calls', 'index', 'item', 'response', 'output', 'usage'),
    fc.jsonValue(),
  )
  const event = fc.tuple(
    members,
    fc.constantFrom('response.output_item.done', 'response.output_text.delta', 'response.output_item.added', 'x'),
  )
  fc.assert(
    fc.property(fc.array(event), (events) => {
      const responses = createResponsesStream(context([]))
      const chats = createChatStream({ ...chat, includeUsage: true })
      for (const [odd, type] of events) {
        responses.push(odd)
        responses.push({ choices: [{ delta: odd }] })
        chats.push({ ...odd, type })
      }
      expect(responses.finish().at(-1)?.type).toBe('response.completed')
      chats.push({ type: 'response.completed' })
      expect(chats.ending()).toBe('done')
    }),
  )
})
