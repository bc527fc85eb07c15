import { MODELS } from '../bodies.ts'

export const EVENTS = 50
/** What the event that first shows the caller something contains; the one before it only names the role. */
export const FIRST_TOKEN = '" word1"'
const ANSWER_CHARS = 700

/** A whole answer of about 1 KB, headers included. */
export function jsonAnswer(): Buffer {
  const body = JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1_760_000_000,
    model: MODELS.answers,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'A bridge. '.repeat(ANSWER_CHARS / 10), refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 14, completion_tokens: 180, total_tokens: 194 },
    system_fingerprint: 'fp_bench',
  })
  return Buffer.from(`${head('application/json')}content-length: ${body.length}\r\n\r\n${body}`)
}

export function streamHead(): Buffer {
  return Buffer.from(`${head('text/event-stream; charset=utf-8')}transfer-encoding: chunked\r\n\r\n`)
}

/** Role, text, finish and usage as OpenAI sends them, each as a chunk of the transfer; the last one ends it. */
export function streamEvents(): Buffer[] {
  const events = Array.from({ length: EVENTS }, (_, index) => chunk(event(index)))
  const end = Buffer.from(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`)
  return [
    ...events.slice(0, -1).map((text) => Buffer.from(text)),
    Buffer.concat([Buffer.from(events.at(-1) ?? ''), end]),
  ]
}

function event(index: number): string {
  const choice = (delta: object, finish: string | null) => [{ index: 0, delta, logprobs: null, finish_reason: finish }]
  const base = {
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1_760_000_000,
    model: MODELS.answers,
    system_fingerprint: 'fp_bench',
  }
  if (index === 0) return data({ ...base, choices: choice({ role: 'assistant', content: '' }, null), usage: null })
  if (index === EVENTS - 2) return data({ ...base, choices: choice({}, 'stop'), usage: null })
  if (index === EVENTS - 1) {
    return data({ ...base, choices: [], usage: { prompt_tokens: 14, completion_tokens: 47, total_tokens: 61 } })
  }
  return data({ ...base, choices: choice({ content: ` word${index}` }, null), usage: null })
}

function data(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

function head(type: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\nx-request-id: req_bench\r\nopenai-version: 2020-10-01\r\n`
}
