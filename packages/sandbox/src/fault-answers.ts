import { gzipSync } from 'node:zlib'
import type { Fault } from './fault.ts'
import { errorBody } from './refusal.ts'
import { type Headers, opening, paced, type Script, type Step } from './script.ts'

type Status = Extract<Fault, { kind: 'status' }>

const MEBIBYTE = 2 ** 20
const BLOCK = 64 * 1024
const MAX_HEADER_BYTES = 4096

const TYPES: Record<number, string> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
}

/** An error status in OpenAI's shape, with the hints that were asked for. */
export function errorAnswer(fault: Status, nowMs: number): Step[] {
  const body = errorBody(
    {
      message: fault.message ?? `The sandbox answers ${fault.status} as it was told.`,
      type: fault.type ?? TYPES[fault.status] ?? (fault.status >= 500 ? 'server_error' : 'invalid_request_error'),
      param: null,
      code: fault.code ?? null,
    },
    {
      ...(fault.resetsInSeconds !== undefined && { resets_in_seconds: fault.resetsInSeconds }),
      ...(fault.resetsAt !== undefined && { resets_at: Math.ceil(nowMs / 1000 + fault.resetsAt) }),
    },
  )
  return whole(fault.status, { 'content-type': 'application/json', ...hints(fault, nowMs) }, body)
}

export function htmlAnswer(status: number): Step[] {
  const body = `<!DOCTYPE html><html><head><title>${status}</title></head><body><h1>Access denied</h1></body></html>`
  return whole(status, { 'content-type': 'text/html; charset=utf-8' }, body)
}

export function redirectAnswer(status: number, location: string): Step[] {
  return whole(status, { location }, '')
}

/** The answer, under a header block of about `bytes` bytes. */
export function headerBomb(script: Script, bytes: number): Step[] {
  const count = Math.ceil(bytes / MAX_HEADER_BYTES)
  const bomb = Array.from({ length: count }, (_, index) => [`x-bomb-${index}`, 'b'.repeat(MAX_HEADER_BYTES)])
  const headers = { ...script.headers, ...Object.fromEntries(bomb) }
  return [...opening({ ...script, headers }), ...paced(script, script.frames), { do: 'end' }]
}

/** A gzip body is a chain of members, so one packed mebibyte repeated unpacks to as many as wished. */
export function byteBomb(script: Script, megabytes: number): Step[] {
  const data = gzipSync(Buffer.alloc(MEBIBYTE, ' '))
  const headers = { ...script.headers, 'content-encoding': 'gzip' }
  return [{ do: 'head', status: 200, headers }, { do: 'repeat', data, times: megabytes, everyMs: 0 }, { do: 'end' }]
}

/** The answer, one of whose lines has a member of `bytes` bytes. */
export function huge(script: Script, afterEvents: number, bytes: number): Step[] {
  const at = script.isStream ? Math.min(afterEvents, script.frames.length - 1) : 0
  const frame = script.frames[at] ?? ''
  const inside = frame.indexOf('{') + 1
  const head = inside === 0 ? `data: {"padding":"` : `${frame.slice(0, inside)}"padding":"`
  const tail = inside === 0 ? `"}\n\n${frame}` : `",${frame.slice(inside)}`
  return [
    ...opening({ ...script, isStream: true }),
    ...paced(script, script.frames.slice(0, at)),
    { do: 'write', data: head },
    { do: 'repeat', data: 'x'.repeat(BLOCK), times: Math.floor(bytes / BLOCK), everyMs: 0 },
    { do: 'write', data: 'x'.repeat(bytes % BLOCK) + tail },
    ...paced(script, script.frames.slice(at + 1)),
    { do: 'end' },
  ]
}

function hints(fault: Status, nowMs: number): Headers {
  const headers: Headers = {}
  if (fault.retryAfter !== undefined) headers['retry-after'] = String(fault.retryAfter)
  if (fault.retryAfterDate !== undefined) {
    headers['retry-after'] = new Date(nowMs + fault.retryAfterDate * 1000).toUTCString()
  }
  if (fault.retryAfterMs !== undefined) headers['retry-after-ms'] = String(fault.retryAfterMs)
  if (fault.resetRequests !== undefined) headers['x-ratelimit-reset-requests'] = fault.resetRequests
  if (fault.resetTokens !== undefined) headers['x-ratelimit-reset-tokens'] = fault.resetTokens
  return headers
}

function whole(status: number, headers: Headers, body: string): Step[] {
  const length = String(Buffer.byteLength(body))
  return [
    { do: 'head', status, headers: { ...headers, 'content-length': length } },
    { do: 'write', data: body },
    { do: 'end' },
  ]
}
