import { parseJson } from './json.ts'

/** Longest event that is held in memory while it is incomplete (one character per byte). */
export const MAX_EVENT_BYTES = 8 * 1024 * 1024

/**
 * Cuts a byte stream (one character per byte) into whole server-sent events. `push` hands each complete event, its blank
 * line included, to `onEvent` and keeps the rest. Returns false once an event grows over `maxEventBytes`.
 */
export interface SseSplitter {
  push(bytes: string): boolean
  /** What has not become an event yet. */
  rest(): string
  /** Part of an event that is no comment has arrived. */
  isInsideEvent(): boolean
}

export function createSseSplitter(onEvent: (event: string) => void, maxEventBytes = MAX_EVENT_BYTES): SseSplitter {
  let pieces: string[] = []
  let held = 0
  /** What of the end of an event may have come already. */
  let tail = ''
  let hasCarriageReturns = false

  function boundary(text: string, from: number): number {
    const lf = text.indexOf('\n\n', from)
    if (!hasCarriageReturns) return lf === -1 ? -1 : lf + 2
    const crlf = text.indexOf('\n\r\n', from)
    if (crlf === -1) return lf === -1 ? -1 : lf + 2
    return lf !== -1 && lf < crlf ? lf + 2 : crlf + 3
  }

  return {
    push(bytes) {
      hasCarriageReturns ||= bytes.includes('\r')
      let text = bytes
      if (held > 0) {
        // Joining on every chunk of a huge event would be quadratic: look for the end in the newest piece and its seam.
        if (boundary(tail + bytes, 0) === -1) return keep(bytes)
        text = pieces.join('') + bytes
        pieces = []
        held = 0
        tail = ''
      }
      let from = 0
      for (let end = boundary(text, 0); end !== -1; end = boundary(text, from)) {
        onEvent(from === 0 && end === text.length ? text : text.slice(from, end))
        from = end
      }
      return from === text.length || keep(from === 0 ? text : text.slice(from))
    },
    rest: () => pieces.join(''),
    isInsideEvent: () => held > 0 && !pieces[0]?.startsWith(':'),
  }

  function keep(bytes: string): boolean {
    pieces.push(bytes)
    held += bytes.length
    tail = (tail + bytes.slice(-2)).slice(-2)
    return held <= maxEventBytes
  }
}

/** The `data` of an event, its lines joined; null for an event without data, such as a comment. */
export function eventData(event: string): string | null {
  if (event.startsWith('data:') && event.indexOf('\n') >= event.length - 2)
    return trimData(event, 5, event.indexOf('\n'))
  const lines: string[] = []
  for (const line of event.split('\n')) {
    if (line.startsWith('data:')) lines.push(trimData(line, 5, line.length))
  }
  return lines.length === 0 ? null : lines.join('\n')
}

/** Events without the line end that closes the last one, and that line end: nothing may come between what it closes. */
export function withoutClosingLine(events: string): [events: string, closingLine: string] {
  const at = events.endsWith('\r\n') ? events.length - 2 : events.length - 1
  return [events.slice(0, at), events.slice(at)]
}

/** Some servers leave out the last blank line; half an event must still not pass for a whole one. */
export function isWholeEvent(rest: string): boolean {
  const data = eventData(`${rest}\n\n`)
  return data !== null && (data.trim() === '[DONE]' || parseJson(data) !== undefined)
}

function trimData(text: string, from: number, to: number): string {
  const start = text.charCodeAt(from) === 0x20 ? from + 1 : from
  return text.slice(start, text.charCodeAt(to - 1) === 0x0d ? to - 1 : to)
}
