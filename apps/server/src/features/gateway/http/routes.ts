import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '@turnpike/core/gateway/errors'
import express, { type NextFunction, type Request, type Response, type Router } from 'express'
import type { Sql } from 'postgres'
import type { Config } from '../config/config.ts'
import { keyUsage } from '../key-usage.ts'
import { createAnswered, refuse } from './answered.ts'
import { createCors } from './cors.ts'
import { type CompletionOptions, createCompletionHandler } from './handle-completion.ts'
import { createModelsHandler } from './list-models.ts'

export interface GatewayRoutesOptions extends CompletionOptions {
  config: () => Config
  sql: Sql
  corsOrigins: readonly string[]
}

const CHAT = ['/v1/chat/completions', '/chat/completions']
const RESPONSES = ['/v1/responses', '/responses', '/openai/v1/responses']

/** Everything under `/v1` and its aliases. No middleware stands before the two hot routes unless CORS is configured. */
export function createGatewayRoutes(options: GatewayRoutesOptions): Router {
  const { callerOf, config, sql, ports, log } = options
  const router = express.Router({ caseSensitive: true, strict: false })
  const answered = createAnswered({ callerOf, monotonic: ports.clock.monotonic, log })
  const models = createModelsHandler({ callerOf, config, answered })
  if (options.corsOrigins.length > 0) router.use(createCors(options.corsOrigins))

  router.post(CHAT, createCompletionHandler(options, '/v1/chat/completions', 'chat'))
  router.post(RESPONSES, createCompletionHandler(options, '/v1/responses', 'responses'))
  router.get('/v1/models', models.list)
  router.get('/v1/models/{*id}', (request, response) => models.get(request, response, idOf(request.params.id)))
  router.get('/v1/usage', (request, response) => {
    answered(request, response, (key) =>
      keyUsage(sql, key, new Date(ports.clock.now())).catch((cause: unknown) => {
        throw new GatewayError('ledger_unavailable', { cause })
      }),
    )
  })
  router.all([...CHAT, ...RESPONSES, '/v1/models', '/v1/models/{*id}', '/v1/usage'], refuseMethod)
  router.all(['/v1', '/v1/{*rest}'], refuseRoute)
  router.use(refuseUnreadable)
  return router
}

function refuseMethod(request: IncomingMessage, response: ServerResponse): void {
  refuse(request, response, new GatewayError('method_not_allowed'))
}

function refuseRoute(request: IncomingMessage, response: ServerResponse): void {
  refuse(request, response, new GatewayError('unknown_route'))
}

/** A path that Express cannot decode; whatever else is thrown goes on to the app's own last handler. */
function refuseUnreadable(error: unknown, request: Request, response: Response, next: NextFunction): void {
  if (error instanceof URIError && request.path.startsWith('/v1')) refuseRoute(request, response)
  else next(error)
}

function idOf(segments: string | string[] | undefined): string {
  return Array.isArray(segments) ? segments.join('/') : (segments ?? '')
}
