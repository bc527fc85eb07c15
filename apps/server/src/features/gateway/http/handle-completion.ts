import { randomUUIDv7 } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Call, Caller } from '@turnpike/core/gateway/call'
import { ClientLeft, ShuttingDown } from '@turnpike/core/gateway/client-left'
import { asGatewayError, GatewayError, type GatewayErrorCode } from '@turnpike/core/gateway/errors'
import { instructedText, isCodexClient } from '@turnpike/core/gateway/instructions'
import type { RelayPorts } from '@turnpike/core/gateway/ports'
import { relay } from '@turnpike/core/gateway/relay'
import { parseRequestBody, type RequestBody } from '@turnpike/core/gateway/request-body'
import type { Endpoint, WireProtocol } from '@turnpike/core/words'
import type { Log } from '../../../shared/logger.ts'
import type { KeyRecord } from '../keys/key-store.ts'
import type { LiveRequests } from '../live-requests.ts'
import type { CallerOf } from './caller.ts'
import { contentSession } from './content-session.ts'
import { decodeBody, discard, readBody } from './read-body.ts'
import { clientRequestId, forwardedHeaders, hasKeyInQuery, sessionName, userAgentOf } from './request-headers.ts'
import { createResponder, type HttpResponder } from './responder.ts'

export interface CompletionOptions {
  ports: RelayPorts
  callerOf: CallerOf
  live: LiveRequests
  maxBodyBytes: number
  keepAliveMs(): number
  /** How the User-Agent of clients of the Codex family starts. */
  codexUserAgents(): readonly string[]
  /** True while requests are turned away: draining, or another instance has the place. */
  isClosed(): boolean
  /** Hears of requests that were turned away before the relay. */
  onRefused(code: GatewayErrorCode): void
  log: Log
}

/** Chat Completions and Responses: from the request line to the last byte of the answer. */
export function createCompletionHandler(options: CompletionOptions, endpoint: Endpoint, protocol: WireProtocol) {
  const { ports, callerOf, live, maxBodyBytes, log } = options

  return function handleCompletion(request: IncomingMessage, response: ServerResponse): void {
    const startedAt = ports.clock.monotonic()
    const requestId = randomUUIDv7()
    const responder = createResponder({
      response,
      requestId,
      clientRequestId: clientRequestId(request.headers),
      monotonic: ports.clock.monotonic,
      startedAt,
      keepAliveMs: options.keepAliveMs(),
      ratesLeft: callerOf.ratesLeft,
      isCodex: () => isCodex(request),
    })
    const client = new AbortController()
    // It lives until its story is over and its last byte has left: a slow reader's answer must not be cut by a drain.
    let openEnds = 2
    const leave = () => --openEnds === 0 && live.leave(requestId)
    response.on('close', () => {
      responder.close()
      if (!response.writableFinished) client.abort()
      leave()
    })
    if (options.isClosed()) response.setHeader('connection', 'close')
    live.enter(requestId, () => client.abort(new ShuttingDown()))
    serve(request, responder, { requestId, startedAt, client: client.signal })
      .catch((error: unknown) => tell(error, requestId, responder))
      .finally(leave)
  }

  async function serve(request: IncomingMessage, responder: HttpResponder, frame: Frame): Promise<void> {
    const call = await receive(request, responder, frame)
    await using answer = await relay(call, ports)
    await answer.deliver(responder)
  }

  /** Authentication and the checks of the body; what is refused here never becomes a request with an outcome. */
  async function receive(request: IncomingMessage, responder: HttpResponder, frame: Frame): Promise<Call> {
    try {
      return await readCall(request, responder, frame)
    } catch (error) {
      if (!(error instanceof ClientLeft)) options.onRefused(asGatewayError(error).code)
      throw error
    }
  }

  async function readCall(request: IncomingMessage, responder: HttpResponder, frame: Frame): Promise<Call> {
    const { key, address } = await enter(request)
    responder.setKey(key)
    const received = await readBody(request, maxBodyBytes)
    const bodyReadAt = ports.clock.monotonic()
    const { bytes, body } = instructed(checked(received), request, key)
    if (body.stream) responder.expectStream(protocol)
    const caller = callerOf.relayCaller(key)
    return {
      ...frame,
      clientRequestId: clientRequestId(request.headers),
      createdAtMs: timeOf(frame.requestId),
      bodyReadAt,
      endpoint,
      protocol,
      body,
      bytes,
      headers: forwardedHeaders(request.headers),
      session: sessionName(request.headers, body.promptCacheKey) ?? ownSession(caller, body),
      caller,
      clientIp: address,
      userAgent: userAgentOf(request),
    }
  }

  /** What the group wants said to the model; clients of the Codex family bring their own. */
  function instructed(asked: CheckedBody, request: IncomingMessage, key: KeyRecord): CheckedBody {
    if (protocol !== 'responses') return asked
    const { instructions } = callerOf.group(key)
    if (instructions.mode === 'off' || isCodex(request)) return asked
    const text = instructedText(asked.body, instructions)
    return text === null ? asked : checked(Buffer.from(text))
  }

  function isCodex(request: IncomingMessage): boolean {
    return isCodexClient(userAgentOf(request), options.codexUserAgents())
  }

  /** Who calls; whoever is refused here has not been listened to. */
  async function enter(request: IncomingMessage): Promise<{ key: KeyRecord; address: string }> {
    try {
      if (options.isClosed()) throw new GatewayError('overloaded')
      if (hasKeyInQuery(request.url ?? '')) throw new GatewayError('api_key_in_query')
      return await callerOf.identify(request)
    } catch (error) {
      discard(request)
      throw error
    }
  }

  function tell(error: unknown, requestId: string, responder: HttpResponder): void {
    if (error instanceof ClientLeft) return responder.close()
    const gatewayError = asGatewayError(error)
    if (gatewayError.code === 'internal_error')
      log.error({ err: error, requestId }, 'a request failed by our own fault')
    responder.fail(gatewayError)
  }
}

interface CheckedBody {
  bytes: Buffer
  body: RequestBody
}

function checked(bytes: Buffer): CheckedBody {
  return { bytes, body: parseRequestBody(decodeBody(bytes), () => decodeBody(bytes)) }
}

function ownSession({ group }: Caller, body: RequestBody): string | null {
  return group.stickiness === 'content' ? contentSession(body.readJson()) : null
}

interface Frame {
  requestId: string
  startedAt: number
  client: AbortSignal
}

/** The 48-bit time at the front of a UUIDv7, ms since the epoch. */
function timeOf(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)
}
