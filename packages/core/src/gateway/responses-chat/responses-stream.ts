import { asString, isObject, type JsonObject } from '../json.ts'
import { createCallTracker } from './call-tracker.ts'
import { readDelta } from './chat-delta.ts'
import { readToolNames } from './chat-tools.ts'
import { type MessageItem, type OutputItem, openMessage, openReasoning, type ReasoningItem } from './output-item.ts'
import { reasoningId } from './reasoning-ids.ts'
import { type ResponseContext, type ResponseState, responseObject } from './response-object.ts'
import { objectsOf } from './translated.ts'
import { toResponsesUsage } from './usage.ts'

/** An event of the Responses API; `type` is also its name on the wire. */
export interface ResponsesEvent extends JsonObject {
  type: string
  sequence_number: number
}

/** Turns chat chunks into Responses events. After `finish` or `fail` every function returns nothing. */
export interface ResponsesStream {
  /** One parsed chunk. What cannot be understood is skipped; errors are the caller's to see (`fail`). */
  push(chunk: unknown): ResponsesEvent[]
  /** The upstream really finished: closes what is open and ends with `response.completed` or `response.incomplete`. */
  finish(completedAtSeconds?: number): ResponsesEvent[]
  /** It did not: ends with `response.failed`, which carries what has arrived. */
  fail(error: { code: string; message: string }): ResponsesEvent[]
}

const INCOMPLETE_REASONS = new Map<string | null, 'max_output_tokens' | 'content_filter'>([
  ['length', 'max_output_tokens'],
  ['content_filter', 'content_filter'],
])

/** Events come in OpenAI's grammar: items in order of appearance, each opened, filled and closed, numbered from 0. */
export function createResponsesStream(context: ResponseContext): ResponsesStream {
  const items: OutputItem[] = []
  let events: ResponsesEvent[] = []
  let sequence = 0
  let hasBegun = false
  let hasEnded = false
  let finishReason: string | null = null
  let usage: JsonObject | null = null
  let reasoning: ReasoningItem | null = null
  let message: MessageItem | null = null
  const calls = createCallTracker({ names: readToolNames(context.requestBody), newId: context.newId, emit, items })

  function emit(type: string, members: JsonObject): void {
    events.push({ type, sequence_number: sequence++, ...members })
  }

  function emitResponse(type: string, state: Omit<ResponseState, 'output'>): void {
    emit(type, { response: responseObject(context, { ...state, output: items.map((item) => item.snapshot()) }) })
  }

  function begin(): void {
    if (hasBegun) return
    hasBegun = true
    emitResponse('response.created', { status: 'in_progress' })
    emitResponse('response.in_progress', { status: 'in_progress' })
  }

  function take(): ResponsesEvent[] {
    const taken = events
    events = []
    return taken
  }

  function place(id: string) {
    return { emit, outputIndex: items.length, id }
  }

  function think({ member, text }: { member: 'reasoning_content' | 'reasoning'; text: string }): void {
    closeMessage()
    if (reasoning === null) {
      reasoning = openReasoning(place(reasoningId(member, context.newId())))
      items.push(reasoning)
    }
    reasoning.add(text)
  }

  function say(kind: 'output_text' | 'refusal', text: string, logprobs: JsonObject[] = []): void {
    closeReasoning()
    if (message === null) {
      message = openMessage(place(`msg_${context.newId()}`))
      items.push(message)
    }
    message.add(kind, text, logprobs)
  }

  function closeReasoning(): void {
    reasoning?.close('completed')
    reasoning = null
  }

  function closeMessage(): void {
    message?.close('completed')
    message = null
  }

  function readChoice(choice: JsonObject): void {
    const delta = readDelta(choice)
    if (delta.reasoning !== null) think(delta.reasoning)
    if (delta.text !== '') say('output_text', delta.text, delta.logprobs)
    if (delta.refusal !== '') say('refusal', delta.refusal)
    if (delta.toolCalls.length > 0) {
      closeReasoning()
      closeMessage()
      for (const call of delta.toolCalls) calls.add(call)
    }
    finishReason = asString(choice.finish_reason) ?? finishReason
  }

  return {
    push(chunk) {
      if (hasEnded || !isObject(chunk)) return []
      begin()
      usage = toResponsesUsage(chunk.usage) ?? usage
      // n is never more than 1: a Responses request cannot ask for it.
      const choice = objectsOf(chunk.choices).find(({ index }) => index === undefined || index === 0)
      if (choice !== undefined) readChoice(choice)
      return take()
    },
    finish(completedAtSeconds) {
      if (hasEnded) return []
      begin()
      hasEnded = true
      const incompleteReason = INCOMPLETE_REASONS.get(finishReason)
      const status = incompleteReason === undefined ? 'completed' : 'incomplete'
      calls.openUnnamed()
      for (const item of items) item.close(status)
      emitResponse(`response.${status}`, {
        status,
        usage,
        incompleteReason,
        completedAtSeconds: status === 'completed' ? completedAtSeconds : undefined,
      })
      return take()
    },
    fail(error) {
      if (hasEnded) return []
      begin()
      hasEnded = true
      emitResponse('response.failed', { status: 'failed', usage, error })
      return take()
    },
  }
}
