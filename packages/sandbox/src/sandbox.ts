import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { Fault, type FaultInput } from './fault.ts'
import { createFaultList, type FaultState } from './fault-list.ts'
import { createInbox, type InboxMessage } from './inbox.ts'
import { createModels } from './models.ts'
import { createPlanner } from './plan.ts'
import { createRequestLog, type LoggedRequest } from './request-log.ts'
import { INBOX_PATH } from './route.ts'
import { sendError } from './send.ts'
import { createService } from './serve.ts'
import { createStoredResponses } from './stored-responses.ts'

export interface SandboxOptions {
  host?: string
  /** 0 = any free port. */
  port?: number
  /** Only these keys are accepted; absent = every key, or none. */
  keys?: string[]
  /** A closed list of models, others get 404; absent = the sandbox's own are listed and every name is served. */
  models?: string[]
  /** Pace of answers that do not command their own. */
  firstByteMs?: number
  eventMs?: number
  /** How many requests `requests` remembers (200); 0 for benchmarks. */
  keepRequests?: number
  /** Of the sequence behind faults with a probability. */
  seed?: number
  clock?: { now(): number }
}

export interface SandboxStatus {
  url: string
  requests: number
  inFlight: number
  connections: number
  faults: FaultState[]
}

export interface Sandbox {
  /** Base address without `/v1`. */
  url: string
  port: number
  /** Adds a fault behind those already set; the first that fits a request strikes. @throws ZodError */
  setFault(fault: FaultInput): void
  clearFaults(): void
  status(): SandboxStatus
  /** The last requests, oldest first. */
  requests: readonly LoggedRequest[]
  /** Where webhooks may be sent for a try, and what came there, oldest first. */
  inbox: { url: string; messages: readonly InboxMessage[] }
  /** Open TCP connections. */
  connections(): number
  close(): Promise<void>
}

const KEEP_ALIVE_MS = 75_000
const MAX_HEADER_BYTES = 64 * 1024
const DEFAULT_KEPT_REQUESTS = 200

/** A simulated OpenAI upstream: honest answers, and every way to fail on command (see `Fault`, `Directive`). */
export async function createSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { host = '127.0.0.1', port = 0, firstByteMs = 0, eventMs = 0, clock = { now: Date.now } } = options
  const models = createModels(options.models ?? null)
  const faults = createFaultList(options.seed ?? 1, clock)
  const log = createRequestLog(options.keepRequests ?? DEFAULT_KEPT_REQUESTS)
  const inbox = createInbox()
  const idPrefix = randomBytes(6).toString('hex')
  const count = { requests: 0, inFlight: 0, connections: 0, answers: 0 }

  const serve = createService({
    models,
    planner: createPlanner(models),
    faults,
    stored: createStoredResponses(),
    inbox,
    keys: options.keys === undefined ? null : new Set(options.keys),
    pace: { firstByteMs, eventMs },
    clock,
    nextId() {
      count.answers += 1
      return idPrefix + count.answers.toString(36).padStart(12, '0')
    },
  })

  const limits = { keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 0 }
  const server = createServer(limits, (req, res) => {
    const entry = entryFor(req)
    log.add(entry)
    count.requests += 1
    count.inFlight += 1
    res.once('close', () => {
      count.inFlight -= 1
      entry.status = res.headersSent ? res.statusCode : null
      if (entry.ending === 'open') entry.ending = res.writableFinished ? 'answered' : 'client_left'
    })
    serve(req, res, entry).catch((error: unknown) => sendError(res, error))
  })
  server.on('connection', (socket) => {
    count.connections += 1
    socket.once('close', () => {
      count.connections -= 1
    })
  })

  const listening = await listen(server, host, port)
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${listening}`

  return {
    url,
    port: listening,
    setFault: (fault) => faults.add(Fault.parse(fault)),
    clearFaults: () => faults.clear(),
    status() {
      const { requests, inFlight, connections } = count
      return { url, requests, inFlight, connections, faults: faults.list() }
    },
    requests: log.entries,
    inbox: { url: url + INBOX_PATH, messages: inbox.messages },
    connections: () => count.connections,
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

function entryFor(req: IncomingMessage): LoggedRequest {
  const { method = '', url = '', headers } = req
  return { method, path: url, headers, key: keyOf(req), body: '', fault: null, status: null, ending: 'open' }
}

function keyOf({ headers }: IncomingMessage): string | null {
  const [scheme, bearer] = headers.authorization?.split(' ') ?? []
  if (bearer !== undefined && scheme?.toLowerCase() === 'bearer') return bearer
  const key = headers['api-key'] ?? headers['x-api-key']
  return typeof key === 'string' ? key : null
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
