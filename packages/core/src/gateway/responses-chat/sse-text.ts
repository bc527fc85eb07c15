import type { JsonObject } from '../json.ts'
import type { ResponsesEvent } from './responses-stream.ts'

/** The end of a chat stream, sent only where the upstream really finished. */
export const CHAT_DONE = 'data: [DONE]\n\n'

/** An event of a Responses stream as server-sent text. */
export function responsesEventText(event: ResponsesEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

/** A chunk of a chat stream as server-sent text. */
export function chatChunkText(chunk: JsonObject): string {
  return `data: ${JSON.stringify(chunk)}\n\n`
}
