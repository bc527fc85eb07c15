import { expect } from 'vitest'

export type Protocol = 'chat' | 'responses'

export interface ReadStream {
  /** Data of each event, in order. */
  events: string[]
  /** The text all deltas make. */
  text: string
  end: 'done' | 'error' | null
  /** Of the error it ended with. */
  code: string | null
  /** Our own signs of life. */
  pings: number
  /** Of the last event of a Responses stream; an upstream may repeat itself, but nobody skips or goes back. */
  sequence: number
}

/** Reads a stream strictly: only whole events, only JSON, numbered without a gap, exactly one end and nothing behind it. */
export function readStrictly(stream: string, protocol: Protocol): ReadStream {
  expect(stream.endsWith('\n\n')).toBe(true)
  const read: ReadStream = { events: [], text: '', end: null, code: null, pings: 0, sequence: -1 }
  for (const event of stream.split('\n\n').slice(0, -1)) {
    const lines = event.split('\n')
    const fields = lines.filter((line) => !line.startsWith(':'))
    // Nothing but a comment: a sign of life from the upstream, which does it in its own way.
    if (fields.length === 0) continue
    read.pings += lines.length - fields.length
    const data = dataOf(fields)
    expect(read.end).toBeNull()
    if (data === '[DONE]') read.end = 'done'
    else note(JSON.parse(data), read, protocol)
    read.events.push(data)
  }
  return read
}

/** One `data` line, and at most a name before it. */
function dataOf(lines: string[]): string {
  const [data = '', name, ...more] = lines.toReversed()
  expect(data).toMatch(/^data: /)
  if (name !== undefined) expect(name).toMatch(/^event: /)
  expect(more).toEqual([])
  return data.slice('data: '.length)
}

/** What an upstream sends has any shape; these are the members the reading looks at. */
interface Noted {
  type?: string
  delta?: string
  sequence_number?: number
  choices?: { delta?: { content?: string } }[]
  error?: { code: string | null }
  response?: { error?: { code: string } }
}

function note(event: Noted, read: ReadStream, protocol: Protocol): void {
  if (protocol === 'chat') {
    read.text += event.choices?.[0]?.delta?.content ?? ''
    if (event.error) Object.assign(read, { end: 'error', code: event.error.code })
    return
  }
  expect(event.type).not.toBe('error')
  const { sequence_number: sequence = Number.NaN } = event
  expect([read.sequence, read.sequence + 1]).toContain(sequence)
  if (event.type === 'response.failed') expect(sequence).toBe(read.sequence + 1)
  read.sequence = sequence
  if (event.type === 'response.output_text.delta') read.text += event.delta
  if (event.type === 'response.completed' || event.type === 'response.incomplete') read.end = 'done'
  if (event.type === 'response.failed') Object.assign(read, { end: 'error', code: event.response?.error?.code })
}
