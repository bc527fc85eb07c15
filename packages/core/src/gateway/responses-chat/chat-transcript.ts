import type { JsonObject } from '../json.ts'

interface ChatCall {
  id: string
  name: string
  arguments: string
}

/** Collects a conversation in the order chat servers insist on. */
export interface Transcript {
  instruct(text: string): void
  user(content: unknown): void
  assistant(text: string): void
  /** Thoughts of the assistant's turn, for a server that wants them back. */
  think(text: string): void
  call(call: ChatCall): void
  result(callId: string, text: string, attachments: JsonObject[]): void
  messages(): JsonObject[]
}

interface Turn {
  text: string | null
  thoughts: string
  calls: ChatCall[]
}

/**
 * - Instructions become one leading `system` message, later ones too, in their order: few servers know `developer`, and
 *   many chat templates fail on a system message further down.
 * - Text and parallel calls of one assistant turn become one message, and their results follow it without a gap.
 * - What a tool returned besides text follows those results as a user message.
 */
export function createTranscript(): Transcript {
  const instructions: string[] = []
  const messages: JsonObject[] = []
  let turn: Turn | null = null
  let attachments: JsonObject[] = []

  function openTurn(): Turn {
    closeResults()
    turn ??= { text: null, thoughts: '', calls: [] }
    return turn
  }

  function closeTurn(): void {
    if (turn !== null && (turn.text !== null || turn.calls.length > 0)) messages.push(assistantMessage(turn))
    turn = null
  }

  function closeResults(): void {
    if (attachments.length > 0) messages.push({ role: 'user', content: attachments })
    attachments = []
  }

  return {
    instruct(text) {
      if (text !== '') instructions.push(text)
    },
    user(content) {
      closeTurn()
      closeResults()
      messages.push({ role: 'user', content })
    },
    assistant(text) {
      const open = openTurn()
      if (open.text === null) open.text = text
      else if (open.calls.length > 0) open.text += `\n\n${text}`
      else {
        closeTurn()
        openTurn().text = text
      }
    },
    think(text) {
      openTurn().thoughts += text
    },
    call(call) {
      openTurn().calls.push(call)
    },
    result(callId, text, more) {
      closeTurn()
      messages.push({ role: 'tool', tool_call_id: callId, content: text })
      attachments.push(...more)
    },
    messages() {
      closeTurn()
      closeResults()
      const system = instructions.length === 0 ? [] : [{ role: 'system', content: instructions.join('\n\n') }]
      return [...system, ...messages]
    },
  }
}

function assistantMessage({ text, thoughts, calls }: Turn): JsonObject {
  return {
    role: 'assistant',
    content: text,
    ...(thoughts !== '' && { reasoning_content: thoughts }),
    ...(calls.length > 0 && {
      tool_calls: calls.map(({ id, ...called }) => ({ id, type: 'function', function: called })),
    }),
  }
}
