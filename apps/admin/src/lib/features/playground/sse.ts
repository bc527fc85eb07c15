/** One server-sent event. */
export interface SseEvent {
  /** `message` where it has no name. */
  event: string
  data: string
}

/**
 * Reads server-sent events out of text as it comes in, wherever it is cut. Comments, which keep a silent line alive, and
 * events without data are passed over; one that has not ended yet is kept for the next piece.
 */
export function createSseReader() {
  let rest = ''

  function push(piece: string): SseEvent[] {
    const blocks = (rest + piece).split(/\r?\n\r?\n/)
    rest = blocks.pop() ?? ''
    return blocks.flatMap(eventOf)
  }

  return { push }
}

function eventOf(block: string): SseEvent[] {
  let event = 'message'
  const data: string[] = []
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'event') event = value
    if (name === 'data') data.push(value)
  }
  return data.length === 0 ? [] : [{ event, data: data.join('\n') }]
}
