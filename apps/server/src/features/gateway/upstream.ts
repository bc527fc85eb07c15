import type { Upstream, UpstreamCall, UpstreamListener, UpstreamRequest } from '@turnpike/core/gateway/ports'
import type { Dispatcher } from 'undici'
import type { AccountConfig } from './config/config.ts'
import { createInflater } from './inflate.ts'
import { openWithToken, type UpstreamTokens } from './upstream-token.ts'

interface UpstreamOptions {
  account(accountId: number): AccountConfig | undefined
  poolFor(url: string, options: { connectMs: number; proxy: string | null }): Dispatcher
  tokens: UpstreamTokens
}

/** Sends attempts through the egress guard's pools and reports what comes back, one character per byte. */
export function createUpstream({ account, poolFor, tokens }: UpstreamOptions): Upstream {
  return {
    open(request, listener) {
      const target = account(request.candidate.accountId)
      const pool = target === undefined ? null : reachable(target, request.connectMs)
      if (target === undefined || pool === null) return failed(listener)
      if (target.oauth === null) return send({ request, target, pool }, {}, listener)
      const withToken = (token: string, hearer: UpstreamListener) =>
        send({ request, target, pool }, { authorization: `Bearer ${token}` }, hearer)
      return openWithToken({ accountId: target.id, tokens, send: withToken }, listener)
    },
  }

  /** Null for an address, of the upstream or of its proxy, that the guard refuses. */
  function reachable({ origin, proxy }: AccountConfig, connectMs: number): Dispatcher | null {
    try {
      return poolFor(origin, { connectMs, proxy })
    } catch {
      // The account's test names the reason; to a request it is an upstream that cannot be reached.
      return null
    }
  }
}

interface Sending {
  request: UpstreamRequest
  target: AccountConfig
  pool: Dispatcher
}

function send(
  { request, target, pool }: Sending,
  credentials: Record<string, string>,
  listener: UpstreamListener,
): UpstreamCall {
  const { method = 'POST', path, headers, contentType, body } = request
  const handler = new AttemptHandler(listener)
  pool.dispatch(
    {
      origin: target.origin,
      path: `${target.basePath}${path}`,
      method,
      headers: {
        ...forwarded(headers, target),
        ...target.headers,
        ...credentials,
        ...(body !== null && { 'content-type': contentType ?? 'application/json' }),
      },
      body: body instanceof Uint8Array ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : body,
    },
    handler,
  )
  return handler
}

/** Whom the caller belongs to is told only where the account lets it. */
function forwarded(headers: UpstreamRequest['headers'], { forwardOrganization }: AccountConfig) {
  if (forwardOrganization || !('openai-organization' in headers || 'openai-project' in headers)) return headers
  const { 'openai-organization': _organization, 'openai-project': _project, ...others } = headers
  return others
}

/** The account went away between choice and attempt, or its address may not be reached. */
function failed(listener: UpstreamListener): UpstreamCall {
  queueMicrotask(() => listener.onError('unreachable'))
  return { pause() {}, resume() {}, abort() {} }
}

/** One call. undici hands itself over piece by piece; abort and pause before it began are remembered. */
class AttemptHandler implements Dispatcher.DispatchHandler, UpstreamCall {
  readonly #listener: UpstreamListener
  #controller: Dispatcher.DispatchController | null = null
  #inflater: ReturnType<typeof createInflater> | null = null
  #isOver = false
  #wasSent = false

  constructor(listener: UpstreamListener) {
    this.#listener = listener
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isOver) return controller.abort(new CallAborted())
    this.#wasSent = true
    this.#listener.onSent()
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (status < 200 || this.#isOver) return
    const encoding = headers['content-encoding']
    if (encoding !== undefined && encoding !== 'identity') {
      this.#inflater = createInflater(String(encoding), {
        onData: (bytes) => this.#deliver(bytes),
        onEnd: () => this.#end(),
        onError: () => this.#fail('lost'),
      })
      if (this.#inflater === null) return this.#fail('lost')
    }
    this.#listener.onHeaders(status, headers)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#inflater === null) this.#deliver(chunk)
    else this.#inflater.write(chunk)
  }

  onResponseEnd(): void {
    if (this.#inflater === null) this.#end()
    else this.#inflater.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const isTooLarge = 'code' in error && error.code === 'UND_ERR_HEADERS_OVERFLOW'
    this.#fail(isTooLarge ? 'too_large' : this.#wasSent ? 'lost' : 'unreachable')
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  abort(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#inflater?.destroy()
    this.#controller?.abort(new CallAborted())
  }

  #deliver(chunk: Buffer): void {
    if (!this.#isOver) this.#listener.onData(chunk.toString('latin1'))
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#listener.onEnd()
  }

  #fail(kind: Parameters<UpstreamListener['onError']>[0]): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#inflater?.destroy()
    if (this.#controller?.aborted === false) this.#controller.abort(new CallAborted())
    this.#listener.onError(kind)
  }
}

type Headers = Record<string, string | string[] | undefined>

class CallAborted extends Error {
  override readonly name = 'CallAborted'
}
