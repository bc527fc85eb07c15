import { randomUUIDv7 } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ClientLeft, ShuttingDown } from '@turnpike/core/gateway/client-left'
import { asGatewayError, GatewayError } from '@turnpike/core/gateway/errors'
import { isCodexClient } from '@turnpike/core/gateway/instructions'
import type { RelayPorts } from '@turnpike/core/gateway/ports'
import type { Refusal } from '@turnpike/core/ops/refusal'
import type { Endpoint } from '@turnpike/core/words'
import type { Log } from '../../../shared/logger.ts'
import type { LiveRequest, LiveRequests } from '../live-requests.ts'
import type { CallerOf, IdentifiedCaller } from './caller.ts'
import { discard } from './read-body.ts'
import { type Known, refusalOf } from './refusal.ts'
import { clientRequestId, hasKeyInQuery, userAgentOf } from './request-headers.ts'
import { createResponder, type HttpResponder } from './responder.ts'

export interface HandlerOptions {
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
  onRefused(refusal: Refusal): void
  log: Log
}

export interface Frame {
  requestId: string
  startedAt: number
  client: AbortSignal
  /** Filled in as the request is read. */
  known: Known
  /** Tells of a request that becomes none with an outcome. A caller who left is not turned away. */
  refused(error: unknown): void
}

/** Serves one request; what it throws is told to the caller. */
export type Serve = (request: IncomingMessage, responder: HttpResponder, frame: Frame) => Promise<void>

/** A request that reaches an upstream, from its line to the last byte of the answer: what is the same for all of them. */
export function createHandler(options: HandlerOptions, endpoint: Endpoint | null, serve: Serve) {
  const { ports, callerOf, live, log } = options

  return function handle(request: IncomingMessage, response: ServerResponse): void {
    const startedAt = ports.clock.monotonic()
    const requestId = randomUUIDv7()
    const known: Known = { endpoint, key: null, address: callerOf.addressOf(request), model: null, stream: null }
    const client = new AbortController()
    const cutOff = () => client.abort(new ShuttingDown())
    const here: LiveRequest = { requestId, known, startedAt, isStream: false, cutOff, place: -1 }
    const responder = createResponder({
      response,
      requestId,
      clientRequestId: clientRequestId(request.headers),
      monotonic: ports.clock.monotonic,
      startedAt,
      keepAliveMs: options.keepAliveMs(),
      ratesLeft: callerOf.ratesLeft,
      isCodex: () => isCodex(request, options),
      isClosed: options.isClosed,
      onStream() {
        here.isStream = true
      },
    })
    // It lives until its story is over and its last byte has left: a slow reader's answer must not be cut by a drain.
    let openEnds = 2
    const leave = () => --openEnds === 0 && live.leave(here)
    response.on('close', () => {
      responder.close()
      if (!response.writableFinished) client.abort()
      leave()
    })
    live.enter(here)
    serve(request, responder, { requestId, startedAt, client: client.signal, known, refused })
      .catch((error: unknown) => tell(error, requestId, responder))
      .finally(leave)

    function refused(error: unknown): void {
      if (error instanceof ClientLeft) return
      const moment = { requestId, nowMs: ports.clock.now(), totalMs: ports.clock.monotonic() - startedAt }
      options.onRefused(refusalOf(request, known, asGatewayError(error), moment))
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

/** Who calls; whoever is refused here has not been listened to. */
export async function enter(
  request: IncomingMessage,
  { known }: Frame,
  options: Pick<HandlerOptions, 'callerOf' | 'isClosed'>,
): Promise<IdentifiedCaller> {
  try {
    if (options.isClosed()) throw new GatewayError('overloaded')
    if (hasKeyInQuery(request.url ?? '')) throw new GatewayError('api_key_in_query')
    const identified = options.callerOf.identify(request)
    const caller = identified instanceof Promise ? await identified : identified
    known.key = caller.key
    return caller
  } catch (error) {
    discard(request)
    throw error
  }
}

export function isCodex(request: IncomingMessage, options: Pick<HandlerOptions, 'codexUserAgents'>): boolean {
  return isCodexClient(userAgentOf(request), options.codexUserAgents())
}
