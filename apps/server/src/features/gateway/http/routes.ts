import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '@turnpike/core/gateway/errors'
import express, { type NextFunction, type Request, type Response, type Router } from 'express'
import type { Sql } from 'postgres'
import { VERSION } from '../../../shared/version.ts'
import type { Config } from '../config/config.ts'
import { keyUsage } from '../key-usage.ts'
import { createAnswered, createRefuse } from './answered.ts'
import { createCors } from './cors.ts'
import { createCompletionHandler } from './handle-completion.ts'
import type { HandlerOptions } from './handle-request.ts'
import { createStoredResponseHandlers } from './handle-stored-response.ts'
import { createModelsHandler } from './list-models.ts'
import { openApiDocument } from './openapi.ts'

export interface GatewayRoutesOptions extends HandlerOptions {
  config: () => Config
  sql: Sql
  corsOrigins: readonly string[]
}

const CHAT = ['/v1/chat/completions', '/chat/completions']
const RESPONSES = ['/v1/responses', '/responses', '/openai/v1/responses']
const STORED = RESPONSES.map((path) => `${path}/:id`)
/** Paths that no page of the panel has. */
const OURS = /^\/(?:v1|responses|openai\/v1|chat)\//
/** Nothing is known of them but their model and their usage. */
const PASSED = [
  '/v1/embeddings',
  '/v1/completions',
  '/v1/moderations',
  '/v1/images/generations',
  '/v1/audio/speech',
  '/v1/audio/transcriptions',
] as const

export interface GatewayRoutes {
  router: Router
  /** The routes that cost, by the path as it is mostly written: whoever matches it need not ask the router. */
  posts: ReadonlyMap<string, (request: IncomingMessage, response: ServerResponse) => void>
}

/** Everything under `/v1` and its aliases. Where CORS is configured, its middleware stands before all of them. */
export function createGatewayRoutes(options: GatewayRoutesOptions): GatewayRoutes {
  const { callerOf, config, sql, ports, log } = options
  const router = express.Router({ caseSensitive: true, strict: false })
  const answered = createAnswered({ callerOf, clock: ports.clock, onRefused: options.onRefused, log })
  const refuse = createRefuse({ callerOf, clock: ports.clock, onRefused: options.onRefused })
  const models = createModelsHandler({ callerOf, config, answered })
  const hasCors = options.corsOrigins.length > 0
  if (hasCors) router.use(createCors(options.corsOrigins))

  const chat = createCompletionHandler(options, '/v1/chat/completions', 'chat')
  const responses = createCompletionHandler(options, '/v1/responses', 'responses')
  const posts = new Map([
    ...CHAT.map((path) => [path, chat] as const),
    ...RESPONSES.map((path) => [path, responses] as const),
    ...PASSED.map((path) => [path, createCompletionHandler(options, path, null)] as const),
  ])
  for (const [path, handle] of posts) router.post(path, handle)
  const stored = createStoredResponseHandlers(options)
  router.get(STORED, stored({ method: 'GET', action: '' }))
  router.delete(STORED, stored({ method: 'DELETE', action: '' }))
  router.post(below(STORED, '/cancel'), stored({ method: 'POST', action: '/cancel' }))
  router.get(below(STORED, '/input_items'), stored({ method: 'GET', action: '/input_items' }))
  router.get('/v1/models', models.list)
  router.get('/v1/models/{*id}', (request, response) => models.get(request, response, idOf(request.params.id)))
  router.get('/v1/usage', (request, response) => {
    answered(request, response, (key) =>
      keyUsage(sql, key, { now: new Date(ports.clock.now()), timeZone: config().settings.timeZone }).catch(
        (cause: unknown) => {
          throw new GatewayError('ledger_unavailable', { cause })
        },
      ),
    )
  })
  const description = openApiDocument(VERSION)
  router.get('/openapi.json', (_request, response) => void response.json(description))
  router.all(
    [
      ...CHAT,
      ...RESPONSES,
      ...STORED,
      ...below(STORED, '/cancel'),
      ...below(STORED, '/input_items'),
      ...PASSED,
      '/v1/models',
      '/v1/models/{*id}',
      '/v1/usage',
    ],
    refuseMethod,
  )
  router.all(['/v1', '/v1/{*rest}'], refuseRoute)
  router.use(refuseUnreadable)
  return { router, posts: hasCors ? new Map() : posts }

  function refuseMethod(request: IncomingMessage, response: ServerResponse): void {
    refuse(request, response, new GatewayError('method_not_allowed'))
  }

  function refuseRoute(request: IncomingMessage, response: ServerResponse): void {
    refuse(request, response, new GatewayError('unknown_route'))
  }

  /** A path that Express cannot decode; whatever else is thrown goes on to the app's own last handler. */
  function refuseUnreadable(error: unknown, request: Request, response: Response, next: NextFunction): void {
    if (error instanceof URIError && OURS.test(request.path)) refuseRoute(request, response)
    else next(error)
  }
}

function below(paths: readonly string[], action: string): string[] {
  return paths.map((path) => path + action)
}

function idOf(segments: string | string[] | undefined): string {
  return Array.isArray(segments) ? segments.join('/') : (segments ?? '')
}
