import type { IncomingMessage } from 'node:http'
import { GatewayError } from '@turnpike/core/gateway/errors'
import { relayStored, type StoredCall } from '@turnpike/core/gateway/stored-response'
import { createHandler, enter, type Frame, type HandlerOptions } from './handle-request.ts'
import { discard } from './read-body.ts'
import { forwardedHeaders } from './request-headers.ts'
import type { HttpResponder } from './responder.ts'

/** Such questions take no slot of key or account; of one user so many are answered at once. */
export const MAX_STORED_CALLS_PER_USER = 20
/** What may be asked along; everything else in a query stays here. */
const PARAMETERS = new Set([
  'stream',
  'starting_after',
  'include',
  'include[]',
  'include_obfuscation',
  'after',
  'before',
  'limit',
  'order',
])
const MAX_PARAMETERS = 32
const MAX_PARAMETER_CHARS = 256

type StoredRoute = Pick<StoredCall, 'method' | 'action'>

/** `/v1/responses/{id}` and what is below it. */
export function createStoredResponseHandlers(options: HandlerOptions) {
  const { ports, callerOf } = options
  const running = new Map<number, number>()

  return function handlerOf(route: StoredRoute) {
    return createHandler(options, null, async (request, responder, frame) => {
      try {
        await serve(request, responder, frame)
      } catch (error) {
        frame.refused(error)
        throw error
      }
    })

    async function serve(request: IncomingMessage, responder: HttpResponder, frame: Frame): Promise<void> {
      const { client } = frame
      const { key } = await enter(request, frame, options)
      discard(request)
      responder.setKey(key)
      const caller = callerOf.relayCaller(key)
      const query = queryOf(request.url ?? '')
      const wantsStream = route.method === 'GET' && route.action === '' && query.get('stream') === 'true'
      using _place = takePlace(caller.userId)
      if (wantsStream) responder.expectStream('responses')
      await relayStored(
        {
          ...route,
          responseId: responseIdOf(request.url ?? ''),
          query: query.size === 0 ? '' : `?${query}`,
          wantsStream,
          headers: forwardedHeaders(request.headers),
          caller,
          client,
        },
        ports,
        responder,
      )
    }
  }

  function takePlace(userId: number): Disposable {
    const count = running.get(userId) ?? 0
    if (count >= MAX_STORED_CALLS_PER_USER) throw new GatewayError('user_concurrency_limit')
    running.set(userId, count + 1)
    return {
      [Symbol.dispose]() {
        const left = (running.get(userId) ?? 1) - 1
        if (left === 0) running.delete(userId)
        else running.set(userId, left)
      },
    }
  }
}

/** As the caller wrote it, decoded; the router has taken no path whose parts cannot be. */
function responseIdOf(url: string): string {
  return decodeURIComponent(/\/responses\/([^/?#]*)/.exec(url)?.[1] ?? '')
}

/** The known parameters, encoded anew. */
function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?')
  const known = new URLSearchParams()
  if (at === -1) return known
  for (const [name, value] of new URLSearchParams(url.slice(at))) {
    if (known.size === MAX_PARAMETERS) break
    if (PARAMETERS.has(name) && value.length <= MAX_PARAMETER_CHARS) known.append(name, value)
  }
  return known
}
