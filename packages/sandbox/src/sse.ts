export const CHAT_DONE = 'data: [DONE]\n\n'

/** An event without a name, as Chat Completions sends it. */
export function dataEvent(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

/** An event with a name, as Responses sends it: the name is the `type` of its data. */
export function namedEvent(data: { type: string; sequence_number: number; [member: string]: unknown }): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
}

/** The frame with its JSON rewritten; a JSON body is a frame without `data:`. What is not JSON (`[DONE]`) stays. */
export function rewriteFrame(frame: string, rewrite: (json: string) => string): string {
  const from = frame.indexOf('{')
  const to = frame.lastIndexOf('}') + 1
  return from === -1 ? frame : frame.slice(0, from) + rewrite(frame.slice(from, to)) + frame.slice(to)
}
