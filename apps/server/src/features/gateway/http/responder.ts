import type { ServerResponse } from 'node:http'
import type { AnswerHead, Responder, WholeAnswer } from '@turnpike/core/gateway/answer'
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

/** The chunk of size zero that ends a chunked body (RFC 9112, 7.1). */
const LAST_CHUNK = '0\r\n\r\n'

const LAST_OF_CONNECTION = { connection: 'close' }
const CHUNKED = { 'transfer-encoding': 'chunked' }

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
export function createResponder(options: ResponderOptions): HttpResponder {
  return new ResponseWriter(options)
}

/** A class, because every request makes one: its functions are made once, not with each of them. */
class ResponseWriter implements HttpResponder {
  readonly #options: ResponderOptions
  #protocol: WireProtocol = 'chat'
  #lastWriteAt: number
  #keepAlive: NodeJS.Timeout | null = null
  /** The chunks of the body are made here: Node would send each in four pieces, which costs more than the event does. */
  #isChunking = false
  #key: KeyRecord | null = null

  constructor(options: ResponderOptions) {
    this.#options = options
    this.#lastWriteAt = options.startedAt
  }

  expectStream(protocol: WireProtocol): void {
    this.#protocol = protocol
    this.#keepAlive = setTimeout(() => this.#onSilence(), this.#options.keepAliveMs)
  }

  setKey(key: KeyRecord): void {
    this.#key = key
  }

  send(answer: WholeAnswer): void {
    const { response, requestId } = this.#options
    this.close()
    // A stream that a keep-alive has opened can take no status any more.
    if (response.headersSent) {
      return this.end(wholeAnswerEvent(answer.body, this.#protocol, requestId))
    }
    const headers = this.#headersOf(answer)
    headers['content-type'] ??= 'application/json'
    headers['content-length'] = String(answer.body.length)
    response.writeHead(answer.status, headers)
    response.end(answer.body, 'latin1')
  }

  write(events: string, head: AnswerHead): boolean {
    if (!this.#options.response.headersSent) this.#openStream(this.#headersOf(head), head.status)
    return this.#write(events)
  }

  whenDrained(call: () => void): void {
    this.#options.response.once('drain', call)
  }

  writeLast(events: string, head: AnswerHead): void {
    this.close()
    this.write(events, head)
  }

  end(rest: string): void {
    this.#options.response.end(this.#isChunking ? this.#framed(rest) + LAST_CHUNK : rest, 'latin1')
  }

  cut(): void {
    this.#options.response.destroy()
  }

  fail(error: GatewayError): void {
    const { response, isCodex } = this.#options
    this.close()
    if (response.headersSent) return this.end(this.#errorEvent(error))
    const { status, headers, body } = openAiError(error, isCodex())
    response.writeHead(status, {
      ...this.#ownHeaders(error.progress),
      ...headers,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
    })
    response.end(body)
  }

  close(): void {
    if (this.#keepAlive !== null) clearTimeout(this.#keepAlive)
    this.#keepAlive = null
  }

  #ownHeaders(progress: Progress): Record<string, string> {
    const { requestId, clientRequestId, monotonic, startedAt, ratesLeft, isClosed } = this.#options
    return {
      ...identityHeaders(requestId, clientRequestId),
      ...timingHeaders(progress, monotonic() - startedAt),
      ...rateHeaders(progress.rates ?? (this.#key && ratesLeft(this.#key))),
      ...(isClosed() ? LAST_OF_CONNECTION : {}),
    }
  }

  /** The upstream's own processing time goes before ours. */
  #headersOf(head: AnswerHead): Record<string, string> {
    return Object.assign(this.#ownHeaders(head), head.headers, passedRetryHeaders(head.status))
  }

  #openStream(headers: Record<string, string>, status = 200): void {
    const { response, onStream } = this.#options
    onStream()
    // Not to a caller of HTTP/1.0, who is told the end by the end of the connection.
    this.#isChunking = response.useChunkedEncodingByDefault
    response.writeHead(status, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      ...headers,
      ...(this.#isChunking ? CHUNKED : {}),
    })
    if (this.#isChunking) response.chunkedEncoding = false
  }

  #write(events: string): boolean {
    const { response, monotonic } = this.#options
    this.#lastWriteAt = monotonic()
    return response.write(this.#framed(events), 'latin1')
  }

  /** Nothing is no chunk: it would be the last one. */
  #framed(bytes: string): string {
    return this.#isChunking && bytes !== '' ? `${bytes.length.toString(16)}\r\n${bytes}\r\n` : bytes
  }

  #onSilence(): void {
    const { response, monotonic, keepAliveMs } = this.#options
    if (response.destroyed || response.writableEnded) return this.close()
    const silentMs = monotonic() - this.#lastWriteAt
    if (silentMs >= keepAliveMs) {
      if (!response.headersSent) this.#openStream(this.#ownHeaders(NO_PROGRESS))
      // Behind a reader who does not read, a sign of life would only pile up.
      if (!response.writableNeedDrain) this.#write(PING)
    }
    const nextMs = silentMs >= keepAliveMs ? keepAliveMs : keepAliveMs - silentMs
    this.#keepAlive = setTimeout(() => this.#onSilence(), nextMs)
  }

  #errorEvent(error: GatewayError): string {
    const isCodex = this.#options.isCodex()
    if (this.#protocol === 'chat') return chatErrorEvent(error, isCodex)
    return responsesErrorEvent(errorMembers(error, isCodex), `resp_${this.#options.requestId}`, 0)
  }
}
