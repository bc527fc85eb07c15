import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TRPCError } from '@trpc/server'
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http'
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/unstable-core-do-not-import'
import { appRouter } from '../router.ts'
import type { Services } from '../services.ts'
import { AppError } from '../shared/app-error.ts'
import { asAppError } from '../shared/as-app-error.ts'
import type { Log } from '../shared/logger.ts'
import type { WallClock } from '../shared/wall-clock.ts'
import type { Context } from '../trpc.ts'
import type { ClientAddress } from './client-address.ts'
import type { OriginRules, Standing } from './origin-rules.ts'
import { readSessionCookie, writeSessionCookie } from './session-cookie.ts'

const MAX_BODY_BYTES = 1024 * 1024
const MAX_BATCH = 50
const PREFLIGHT_SECONDS = 600

export interface TrpcHandlerOptions {
  services: Services
  rules: OriginRules
  clientAddress: ClientAddress
  /** Whether the caller speaks https with us, or with a proxy we trust. */
  isSecure(request: IncomingMessage): boolean
  clock: WallClock
  log: Log
}

/** Serves `/trpc` over HTTP: who may ask comes first (Host, Origin, content type), then tRPC. */
export function createTrpcHandler(options: TrpcHandlerOptions) {
  const { rules, log } = options

  return function handleTrpc(request: TrpcRequest, response: ServerResponse): void {
    const requestId = randomUUID()
    const standing = rules.standingOfRequest(request.headers)
    response.setHeader('x-request-id', requestId)
    response.setHeader('cache-control', 'no-store')
    response.setHeader('x-content-type-options', 'nosniff')
    allowForeignPage(request, response, standing)

    const refusal = refusalOf(request, rules, standing)
    if (refusal) refuse(response, refusal, requestId)
    else if (request.method === 'OPTIONS') answerPreflight(response, standing)
    else callProcedures(request, response, { requestId, standing })
  }

  function callProcedures(request: TrpcRequest, response: ServerResponse, facts: CallFacts): void {
    // Answers are whole: a streamed one has sent its headers before a cookie can be set.
    delete request.headers['trpc-accept']
    request.headers.accept = 'application/json'
    const pathname = request.path ?? URL.parse(request.url ?? '', 'http://trpc')?.pathname ?? '/'
    void nodeHTTPRequestHandler({
      router: appRouter,
      req: request,
      res: response,
      path: pathname.replace(/^\/(?:trpc\/)?/, ''),
      createContext: () => contextOf(options, { request, response, ...facts }),
      maxBodySize: MAX_BODY_BYTES,
      maxBatchSize: MAX_BATCH,
      onError: ({ error, path }) => report(log, error, { requestId: facts.requestId, procedure: path }),
    })
  }
}

/** Logs what is our fault; what is the caller's is told to the caller. */
export function report(log: Log, error: TRPCError, fields: Record<string, unknown>): void {
  const { reason } = asAppError(error)
  const fault = { ...fields, err: error.cause ?? error }
  if (reason === 'internal') log.error(fault, 'a procedure failed')
  if (reason === 'timeout') log.warn(fault, 'a procedure took too long')
}

function refusalOf(request: IncomingMessage, rules: OriginRules, standing: Standing): AppError | null {
  const { method, headers } = request
  if (!rules.isAllowedHost(headers.host)) {
    return new AppError('forbidden', { message: 'This host name is not allowed; see TURNPIKE_ALLOWED_HOSTS' })
  }
  if (method === 'GET' || method === 'HEAD') return null
  if (method === 'OPTIONS') return standing === 'refused' ? foreignPage() : null
  if (method !== 'POST')
    return new AppError('invalid_input', { code: 'METHOD_NOT_SUPPORTED', message: 'Use GET or POST' })
  if (standing === 'refused') return foreignPage()
  // A page cannot make the browser send a token of its own accord, as it could a cookie.
  if (standing === 'foreign' && !serviceTokenOf(request)?.startsWith('tps_')) return foreignPage()
  const mediaType = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (mediaType === 'application/json') return null
  return new AppError('invalid_input', { code: 'UNSUPPORTED_MEDIA_TYPE', message: 'Send application/json' })
}

/** What a program presents; a token that is given must be good, it is not replaced by the cookie. */
function serviceTokenOf({ headers }: IncomingMessage): string | null {
  const [scheme = '', token = ''] = (headers.authorization ?? '').split(' ', 2)
  return scheme.toLowerCase() === 'bearer' ? token : null
}

function foreignPage(): AppError {
  return new AppError('forbidden', { message: 'Requests from other origins are not allowed' })
}

function refuse(response: ServerResponse, { code, message, reason, field }: AppError, requestId: string): void {
  const httpStatus = STATUS_OF_REFUSAL[code] ?? 403
  const data = { code, httpStatus, reason, field, requestId }
  response.writeHead(httpStatus, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify({ error: { message, code: TRPC_ERROR_CODES_BY_KEY[code], data } }))
}

const STATUS_OF_REFUSAL: Record<string, number> = { METHOD_NOT_SUPPORTED: 405, UNSUPPORTED_MEDIA_TYPE: 415 }

function allowForeignPage({ headers }: IncomingMessage, response: ServerResponse, standing: Standing): void {
  if (standing === 'foreign' && headers.origin) response.setHeader('access-control-allow-origin', headers.origin)
}

function answerPreflight(response: ServerResponse, standing: Standing): void {
  if (standing === 'foreign') {
    response.setHeader('access-control-allow-methods', 'GET, POST')
    response.setHeader('access-control-allow-headers', 'authorization, content-type')
    response.setHeader('access-control-max-age', PREFLIGHT_SECONDS)
  }
  response.writeHead(204).end()
}

/** As Express hands it over below a mount point, or as it came. */
type TrpcRequest = IncomingMessage & { path?: string }

interface CallFacts {
  requestId: string
  standing: Standing
}

interface Exchange extends CallFacts {
  request: IncomingMessage
  response: ServerResponse
}

function contextOf(options: TrpcHandlerOptions, { request, response, requestId, standing }: Exchange): Context {
  const { services, clientAddress, isSecure, clock } = options
  const isOwn = standing === 'own' || standing === 'absent'
  let caller: ReturnType<Context['authenticate']> | undefined

  async function findCaller() {
    const serviceToken = serviceTokenOf(request)
    if (serviceToken !== null) return services.serviceTokens.findByToken(serviceToken)
    const token = isOwn ? readSessionCookie(request.headers, isSecure(request)) : null
    return token === null ? null : services.sessions.findByToken(token)
  }

  return {
    requestId,
    transport: 'http',
    clientIp: clientAddress(request),
    userAgent: request.headers['user-agent'] ?? null,
    authenticate() {
      caller ??= findCaller()
      return caller
    },
    setSessionCookie(session) {
      if (!isOwn) return
      const flags = { isSecure: isSecure(request), nowMs: clock.now() }
      response.setHeader('set-cookie', writeSessionCookie(session, flags))
    },
    isSlow: () => false,
    occupy: () => () => {},
    services,
  }
}
