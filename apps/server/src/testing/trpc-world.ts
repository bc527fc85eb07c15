import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Role } from '@turnpike/core/words'
import { freshDatabase } from '@turnpike/db/testing'
import { Agent } from 'undici'
import { WebSocket } from 'ws'
import { createTrpc, type TrpcEnv } from '../create-trpc.ts'
import type { AccountRuntime, AccountView } from '../features/accounts/account.ts'
import type { Egress } from '../features/accounts/probe.ts'
import { enqueueNotices } from '../features/alerts/delivery/enqueue-notices.ts'
import type { WebhookEgress } from '../features/alerts/delivery/send-webhook.ts'
import { createJudging } from '../features/alerts/judging.ts'
import type { ExplainRoute } from '../features/gateway/explain/explain-route.ts'
import type { OwnRequests } from '../features/ops/leases/leases.ts'
import { createLiveFeed } from '../features/ops/live/live-feed.ts'
import { createCountsSource } from '../features/ops/queries/source.ts'
import type { CommandedSandbox } from '../features/sandbox/sandbox-control.ts'
import { isWebSocketUpgrade } from '../http/ws-admission.ts'
import { AppError } from '../shared/app-error.ts'
import { createLogger } from '../shared/logger.ts'
import type { MailEgress, Mailer } from '../shared/mail/mailer.ts'
import { createSecretBox } from '../shared/secret-box.ts'
import type { SocketTimings } from '../ws.ts'

export const PASSWORD = 'correct horse battery'

const IDLE: AccountView = {
  inFlight: 0,
  waiting: 0,
  coolingUntilMs: null,
  coolingReason: null,
  modelCooling: [],
  lastUsedAtMs: null,
}

const ENV: TrpcEnv = {
  host: '127.0.0.1',
  publicUrl: null,
  allowedHosts: [],
  corsOrigins: [],
  trustedProxies: [],
  opsWsOriginPolicy: 'strict',
  opsWsTrustProxy: false,
  opsWsTrustedProxies: [],
  opsWsMaxConns: 100,
  opsWsMaxConnsPerIp: 100,
}

interface WorldOptions {
  env?: Partial<TrpcEnv>
  runtime?: Partial<AccountRuntime>
  egress?: Partial<Egress>
  explainRoute?: ExplainRoute
  publicEgress?: Partial<WebhookEgress & MailEgress>
  mailer?: Partial<Mailer>
  ownRequests?: Partial<OwnRequests>
  sandbox?: CommandedSandbox | null
  timings?: SocketTimings
}

/** A database, the tRPC side on a real server, and users of every role; `await using` takes it all down. */
export async function trpcWorld(options: WorldOptions = {}) {
  const { env, runtime, egress, explainRoute, publicEgress, mailer, ownRequests, sandbox = null, timings } = options
  const database = await freshDatabase()
  const clock = createTestClock()
  const logged: string[] = []
  const { log } = createLogger({ level: 'debug', destination: { write: (line) => void logged.push(line) } })
  const upstreams = new Agent({ connect: { timeout: 10_000 } })
  const live = createLiveFeed({
    clock,
    gauges: () => ({ inFlight: 1, waiters: 0, accountsAvailable: 1, accountsTotal: 1, openStreams: 0 }),
  })
  const box = createSecretBox(Buffer.alloc(32, 5))
  const trpc = createTrpc({
    database,
    reports: database,
    databaseDir: null,
    box,
    clock,
    log,
    live,
    explainRoute:
      explainRoute ??
      (() => {
        throw new AppError('not_found', { field: 'keyId' })
      }),
    judging: createJudging({
      database,
      reports: database,
      source: createCountsSource(database.sql),
      enqueue: enqueueNotices,
      clock,
      log,
    }),
    ownRequests: { list: () => [], release: () => false, ...ownRequests },
    bus: null,
    egress: { checkUrl: async () => {}, checkProxy: async () => {}, poolFor: () => upstreams, ...egress },
    publicEgress: {
      checkUrl: async () => {},
      checkMailServer: async () => {},
      poolFor: () => upstreams,
      openMailSocket: () => Promise.reject(new Error('no mail here')),
      ...publicEgress,
    },
    mailer: {
      send: async () => ({ kind: 'failed', outcome: 'not_configured', isPermanent: false, status: null }),
      isConfigured: async () => false,
      ...mailer,
    },
    runtime: { view: () => IDLE, clear: async () => {}, ...runtime },
    tokens: { fresh: async () => ({ value: 'access-token' }) },
    sandbox,
    panelUrl: () => 'http://panel.test',
    env: { ...ENV, ...env },
    timings: { sessionCheckMs: 50, ...timings },
  })
  const server = createServer({ shouldUpgradeCallback: isWebSocketUpgrade }, (request, response) => {
    serve(trpc, request, response)
  })
  server.on('upgrade', trpc.upgrade)
  const origin = await listen(server)

  async function addUser(role: Role, email = `${role}@turnpike.test`) {
    const { user } = await trpc.services.users.create(
      { email, name: role, role, concurrency: 5, groupIds: [], notes: '', password: PASSWORD },
      'owner',
    )
    return user
  }

  /** Signs in past the attempt limits; the answer is a Cookie header. */
  async function cookieOf(userId: number): Promise<string> {
    const { token } = await trpc.services.sessions.begin(userId, { ip: '127.0.0.1', userAgent: 'test' })
    return `turnpike_session=${token}`
  }

  async function signIn(role: Role) {
    const user = await addUser(role)
    return { user, cookie: await cookieOf(user.id) }
  }

  async function get(path: string, { input, cookie, headers }: Call = {}): Promise<Answer> {
    const query = input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`
    return answerOf(await fetch(`${origin}/trpc/${path}${query}`, { headers: headersOf(cookie, headers) }))
  }

  async function post(path: string, { input, cookie, headers }: Call = {}): Promise<Answer> {
    return answerOf(
      await fetch(`${origin}/trpc/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin, ...headersOf(cookie, headers) },
        body: JSON.stringify(input ?? {}),
      }),
    )
  }

  /** A raw WebSocket; `outcome` is how the handshake ended. */
  function socket(path = '/trpc', headers: Record<string, string> = {}) {
    return new WebSocket(`${origin.replace('http', 'ws')}${path}`, { headers }).setMaxListeners(0)
  }

  return {
    ...trpc,
    database,
    box,
    clock,
    live,
    origin,
    server,
    logged,
    addUser,
    cookieOf,
    signIn,
    get,
    post,
    socket,
    async [Symbol.asyncDispose]() {
      await trpc.close()
      live.close()
      await closeServer(server)
      await upstreams.destroy()
      await database[Symbol.asyncDispose]()
    },
  }
}

export type TrpcWorld = Awaited<ReturnType<typeof trpcWorld>>

interface Call {
  input?: unknown
  cookie?: string
  headers?: Record<string, string>
}

export interface Answer {
  status: number
  headers: Headers
  /** What the procedure returned. */
  data: never
  error: {
    message: string
    code: number
    data: { code: string; reason: string; field: string | null; requestId: string }
  }
  text: string
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const body = text === '' ? {} : JSON.parse(text)
  return {
    status: response.status,
    headers: response.headers,
    data: body.result?.data as never,
    error: body.error,
    text,
  }
}

function headersOf(cookie: string | undefined, headers: Record<string, string> = {}): Record<string, string> {
  return cookie === undefined ? headers : { cookie, ...headers }
}

function createTestClock() {
  let offsetMs = 0
  return {
    now: () => Date.now() + offsetMs,
    advance(ms: number): void {
      offsetMs += ms
    },
  }
}

function serve(
  { httpHandler, exportsHandler }: Pick<ReturnType<typeof createTrpc>, 'httpHandler' | 'exportsHandler'>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (request.url?.startsWith('/trpc')) httpHandler(request, response)
  else if (request.url?.startsWith('/exports/')) exportsHandler(request, response)
  else response.writeHead(404).end()
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${portOf(server)}`))
  })
}

function portOf(server: Server): number {
  const address = server.address() as AddressInfo
  return address.port
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
