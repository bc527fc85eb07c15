import type { ServerResponse } from 'node:http'
import type { AnswerHead, Responder } from '@turnpike/core/gateway/answer'
import { type GatewayError, NO_PROGRESS, type Progress } from '@turnpike/core/gateway/errors'
import {
  chatErrorEvent,
  errorMembers,
  openAiError,
  passedRetryHeaders,
  responsesErrorEvent,
  wholeAnswerEvent,
} from '@turnpike/core/gateway/openai-error'
import type { RatesLeft } from '@turnpike/core/gateway/ports'
import type { WireProtocol } from '@turnpike/core/words'
import type { KeyRecord } from '../keys/key-store.ts'
import { identityHeaders, rateHeaders, timingHeaders } from './answer-headers.ts'

/** A comment and one newline: an empty line would end an event that is not there. */
const PING = ': ping\n'

const LAST_OF_CONNECTION = { connection: 'close' }

interface ResponderOptions {
  response: ServerResponse
  requestId: string
  clientRequestId: string | null
  monotonic: () => number
  startedAt: number
  /** A stream that has been silent this long gets a sign of life; the first one commits status 200. */
  keepAliveMs: number
  /** What is left of a key's rates, for answers that counted nothing; null = it has none. */
  ratesLeft(key: KeyRecord): RatesLeft | null
  /** Whether the caller's client is of the Codex family. */
  isCodex(): boolean
  /** Hears that the answer has begun as a stream. */
  onStream(): void
  /** True while nobody is admitted any more: an answer is then the last of its connection. */
  isClosed(): boolean
}

export interface HttpResponder extends Responder {
  /** From here on the caller may be kept waiting: a stream of this protocol gets keep-alives. */
  expectStream(protocol: WireProtocol): void
  /** From here on answers tell what is left of this key's rates. */
  setKey(key: KeyRecord): void
  /** Stops the keep-alives. */
  close(): void
}

/** The only one who knows whether headers went out: it writes a status or an in-stream error accordingly. */
export function createResponder({
  response,
  requestId,
  clientRequestId,
  monotonic,
  startedAt,
  keepAliveMs,
  ratesLeft,
  isCodex,
  isClosed,
  onStream,
}: ResponderOptions): HttpResponder {
  let protocol: WireProtocol = 'chat'
  let lastWriteAt = monotonic()
  let keepAlive: NodeJS.Timeout | null = null
  let key: KeyRecord | null = null

  function ownHeaders(progress: Progress): Record<string, string> {
    return {
      ...identityHeaders(requestId, clientRequestId),
      ...timingHeaders(progress, monotonic() - startedAt),
      ...rateHeaders(progress.rates ?? (key && ratesLeft(key))),
      ...(isClosed() ? LAST_OF_CONNECTION : {}),
    }
  }

  /** The upstream's own processing time goes before ours. */
  function headersOf(head: AnswerHead): Record<string, string> {
    return { ...ownHeaders(head), ...head.headers, ...passedRetryHeaders(head.status) }
  }

  function openStream(headers: Record<string, string>, status = 200): void {
    onStream()
    response.writeHead(status, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      ...headers,
    })
  }

  function write(events: string): boolean {
    lastWriteAt = monotonic()
    return response.write(events, 'latin1')
  }

  function onSilence(): void {
    if (response.destroyed || response.writableEnded) return close()
    const silentMs = monotonic() - lastWriteAt
    if (silentMs >= keepAliveMs) {
      if (!response.headersSent) openStream(ownHeaders(NO_PROGRESS))
      // Behind a reader who does not read, a sign of life would only pile up.
      if (!response.writableNeedDrain) write(PING)
    }
    keepAlive = setTimeout(onSilence, silentMs >= keepAliveMs ? keepAliveMs : keepAliveMs - silentMs)
  }

  function close(): void {
    if (keepAlive !== null) clearTimeout(keepAlive)
    keepAlive = null
  }

  return {
    expectStream(of) {
      protocol = of
      keepAlive = setTimeout(onSilence, keepAliveMs)
    },
    setKey(of) {
      key = of
    },
    send(answer) {
      close()
      // A stream that a keep-alive has opened can take no status any more.
      if (response.headersSent) return void response.end(wholeAnswerEvent(answer.body, protocol, requestId), 'latin1')
      const headers = headersOf(answer)
      headers['content-type'] ??= 'application/json'
      headers['content-length'] = String(answer.body.length)
      response.writeHead(answer.status, headers)
      response.end(answer.body, 'latin1')
    },
    write(events, head) {
      if (!response.headersSent) openStream(headersOf(head), head.status)
      return write(events)
    },
    whenDrained: (call) => void response.once('drain', call),
    writeLast(events, head) {
      close()
      if (!response.headersSent) openStream(headersOf(head), head.status)
      write(events)
    },
    end: (rest) => void response.end(rest, 'latin1'),
    cut: () => void response.destroy(),
    fail(error) {
      close()
      if (response.headersSent) return void response.end(errorEvent(error), 'latin1')
      const { status, headers, body } = openAiError(error, isCodex())
      response.writeHead(status, {
        ...ownHeaders(error.progress),
        ...headers,
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      })
      response.end(body)
    },
    close,
  }

  function errorEvent(error: GatewayError): string {
    if (protocol === 'chat') return chatErrorEvent(error, isCodex())
    return responsesErrorEvent(errorMembers(error, isCodex()), `resp_${requestId}`, 0)
  }
}
