import type { WireProtocol } from '../words.ts'
import { GATEWAY_ERRORS, type GatewayError, type GatewayErrorCode } from './errors.ts'
import { asObject, isObject, parseJson } from './json.ts'

/** An error answer on the wire. `headers` carries retry-after, retry-after-ms and x-should-retry where they apply. */
export interface ErrorAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

const DEFAULT_RETRY_AFTER_MS = 1_000
const ALWAYS_RETRY = new Set([408, 409, 429, 503])
/** What stops Codex at once: it would repeat any other refusal for want of money until its user gives up. */
const QUOTA = { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' } as const

/**
 * `{"error":{message,type,param,code}}` for a refusal of ours, with the retry headers of gateway.md. Clients of the Codex
 * family hear of a billing refusal as what OpenAI itself would answer them.
 */
export function openAiError(error: GatewayError, isCodex = false): ErrorAnswer {
  const isQuota = isToldAsQuota(error, isCodex)
  const { status } = isQuota ? QUOTA : GATEWAY_ERRORS[error.code]
  const headers = isQuota ? { ...NEVER_RETRY } : retryHeaders(status)
  if (status === 429 || status === 503) {
    const retryAfterMs = Math.max(1, Math.round(error.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS))
    headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)))
    headers['retry-after-ms'] = String(retryAfterMs)
  }
  return { status, headers, body: JSON.stringify({ error: errorMembers(error, isCodex) }) }
}

const NEVER_RETRY = { 'x-should-retry': 'false' } as const

/** `x-should-retry` of our own errors, by status: the SDKs honour it before their own rules. Absent where they may decide. */
function retryHeaders(status: number): Record<string, string> {
  if (ALWAYS_RETRY.has(status)) return { 'x-should-retry': 'true' }
  return status >= 400 && status < 500 ? { ...NEVER_RETRY } : {}
}

/** `x-should-retry` of an answer of the upstream: a mistake that is passed through is the caller's own, again and again. */
export function passedRetryHeaders(status: number): Record<string, string> {
  return status >= 400 && status < 500 ? { ...NEVER_RETRY } : {}
}

/** The last event of a broken chat stream. Nested, because clients ignore a flat object. */
export function chatErrorEvent(error: GatewayError, isCodex = false): string {
  return `data: ${JSON.stringify({ error: errorMembers(error, isCodex) })}\n\n`
}

/** The last event of a broken Responses stream: a bare `error` event would make Codex reconnect. */
export function responsesErrorEvent(
  { code, message }: { code: unknown; message: unknown },
  responseId: string,
  sequenceNumber: number,
): string {
  const response = { id: responseId, object: 'response', status: 'failed', error: { code, message }, output: [] }
  const data = JSON.stringify({ type: 'response.failed', sequence_number: sequenceNumber, response })
  return `event: response.failed\ndata: ${data}\n\n`
}

/** A whole JSON answer of the upstream, told in a stream that a keep-alive has already opened: its one and last event. */
export function wholeAnswerEvent(body: string, protocol: WireProtocol, requestId: string): string {
  const json = asObject(parseJson(body))
  const error = asObject(json.error)
  if (protocol === 'responses' && isObject(json.error)) {
    return responsesErrorEvent({ code: error.code ?? null, message: error.message ?? null }, `resp_${requestId}`, 0)
  }
  const data = JSON.stringify(json)
  if (protocol === 'chat') return `data: ${data}\n\n${isObject(json.error) ? '' : 'data: [DONE]\n\n'}`
  const type = json.status === 'incomplete' ? 'response.incomplete' : 'response.completed'
  return `event: ${type}\ndata: {"type":"${type}","sequence_number":0,"response":${data}}\n\n`
}

/** What an error of ours says, to clients of the Codex family or to everybody else. */
export function errorMembers(error: GatewayError, isCodex: boolean) {
  const isQuota = isToldAsQuota(error, isCodex)
  return {
    message: error.message,
    type: isQuota ? QUOTA.type : GATEWAY_ERRORS[error.code].type,
    param: error.param,
    code: isQuota ? QUOTA.code : UNTOLD_CODES.has(error.code) ? null : error.code,
  }
}

/** OpenAI names no code there, and clients are made for its shape. */
const UNTOLD_CODES: ReadonlySet<GatewayErrorCode> = new Set(['response_not_found'])

function isToldAsQuota({ code }: GatewayError, isCodex: boolean): boolean {
  return isCodex && GATEWAY_ERRORS[code].type === 'billing_error'
}
