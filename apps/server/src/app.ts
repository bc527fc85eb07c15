import { existsSync } from 'node:fs'
import { createServer, IncomingMessage, type Server, ServerResponse, STATUS_CODES } from 'node:http'
import { join } from 'node:path'
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express'
import { createPanelHeaders } from './http/panel-headers.ts'
import { isWebSocketUpgrade } from './http/ws-admission.ts'
import type { Log } from './shared/logger.ts'

export interface AppOptions {
  /** `posts`: handlers of POST requests by their exact path, which need no router. */
  gateway: {
    router: Router
    posts: ReadonlyMap<string, (request: IncomingMessage, response: ServerResponse) => void>
  }
  trpc: RequestHandler
  /** Numbers for Prometheus. */
  metrics: RequestHandler
  /** Files that were ordered through tRPC. */
  exports: RequestHandler
  /** Whether this Host header may see the panel. */
  isAllowedHost(host: string | undefined): boolean
  /** Folder of the built panel. */
  panelDir: string
  /** Hears of what nobody else caught; `where` is the path. */
  onFault(where: string, error: unknown): void
  readiness(): { isReady: boolean; missing: string[] }
  log: Log
}

/** The one Express app: gateway, tRPC, health, and the panel for everything else. It does not listen. */
export function createApp({
  gateway,
  trpc,
  metrics,
  exports,
  isAllowedHost,
  panelDir,
  readiness,
  onFault,
  log,
}: AppOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  app.set('query parser', false)
  app.use(gateway.router)
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' })
  })
  app.get('/readyz', (_request, response) => {
    const { isReady, missing } = readiness()
    const status = !isReady ? 'unavailable' : missing.length > 0 ? 'degraded' : 'ok'
    response.status(isReady ? 200 : 503).json({ status, missing })
  })
  app.get('/metrics', metrics)
  app.use('/trpc', trpc)
  app.use('/exports', exports)
  app.use(panel(panelDir, isAllowedHost))
  app.use(lastHandler(log, onFault))
  return app
}

/**
 * A server whose requests and responses are of the app's classes from the start: Express would otherwise swap the
 * prototype of each, which costs more than everything the gateway does with it. The gateway's own paths are found by one
 * look-up; whatever is not written exactly so is for the app's routers.
 */
export function createAppServer(app: Express, { gateway, log, onFault }: ServerOptions): Server {
  const onThrown = lastHandler(log, onFault)
  return createServer(
    {
      IncomingMessage: classWithPrototype<RequestClass>(IncomingMessage, app.request),
      ServerResponse: classWithPrototype<ResponseClass>(ServerResponse, app.response),
      // A body is bounded by its size; a slow one must not hold a connection for ever.
      requestTimeout: 300_000,
      headersTimeout: 30_000,
      keepAliveTimeout: 75_000,
      noDelay: true,
      shouldUpgradeCallback: isWebSocketUpgrade,
    },
    (request, response) => {
      const handle = request.method === 'POST' ? gateway.posts.get(request.url) : undefined
      if (handle === undefined) return app(request, response)
      try {
        handle(request, response)
      } catch (error) {
        onThrown(error, request, response, () => response.destroy())
      }
    },
  )
}

type ServerOptions = Pick<AppOptions, 'gateway' | 'log' | 'onFault'>
type RequestClass = typeof IncomingMessage & (new (...args: ConstructorParameters<typeof IncomingMessage>) => Request)
type ResponseClass = typeof ServerResponse & (new (...args: ConstructorParameters<typeof ServerResponse>) => Response)

/** Safe because the prototype inherits from the class's own: an instance is what it was, with the app's methods on top. */
function classWithPrototype<T>(base: typeof IncomingMessage | typeof ServerResponse, prototype: object): T {
  function Constructed(this: object, ...args: unknown[]): void {
    Reflect.apply(base, this, args)
  }
  Constructed.prototype = prototype
  Object.setPrototypeOf(Constructed, base)
  return Constructed as never
}

/** Express would answer with a page that shows the stack. */
function lastHandler(log: Log, onFault: AppOptions['onFault']): ErrorRequestHandler {
  return (error, request, response, next) => {
    const status = error instanceof URIError ? 400 : statusOf(error)
    if (status === 500) {
      log.error({ err: error }, 'a request failed by our own fault')
      onFault(request.path, error)
    }
    if (response.headersSent) return next(error)
    response.status(status).type('text').send(`${STATUS_CODES[status]}\n`)
  }
}

/** Express names a status where the request itself was at fault. */
function statusOf(error: unknown): number {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500
  return status >= 400 && status < 500 ? status : 500
}

function panel(directory: string, isAllowedHost: AppOptions['isAllowedHost']): Router {
  const router = express.Router()
  const panelHeaders = createPanelHeaders(directory)
  router.use((request, response, next) => {
    if (!isAllowedHost(request.headers.host)) return void response.status(421).type('text').send('Unknown host\n')
    panelHeaders(response)
    if (request.method !== 'GET' && request.method !== 'HEAD') return void response.status(405).end()
    next()
  })
  const immutable = join(directory, '_app/immutable')
  router.use('/_app/immutable', express.static(immutable, { immutable: true, maxAge: '1y', fallthrough: false }))
  router.use(express.static(directory, { index: false, redirect: false }))
  router.get('/{*path}', (_request, response) => {
    if (!existsSync(join(directory, 'index.html'))) {
      return void response.status(503).type('text').send('The panel is not built: run `npm run build`.\n')
    }
    response.sendFile('index.html', { root: directory, headers: { 'cache-control': 'no-cache' } })
  })
  return router
}
