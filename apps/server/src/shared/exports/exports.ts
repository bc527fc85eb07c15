import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { within } from '../deadline.ts'
import type { Log } from '../logger.ts'
import type { Permission } from '../permissions.ts'
import type { WallClock } from '../wall-clock.ts'
import type { ExportFile } from './export-file.ts'
import { createExportTickets, type ExportOrder } from './export-tickets.ts'

const MAX_RUNNING = 5
/** A client that takes nothing for this long has left. */
const STALLED_MS = 60_000
const EXPORT_MS = 1_800_000
const RETRY_SECONDS = 10

export interface ExportsOptions {
  clock: WallClock
  log: Log
  /** Whether this Host header may see the panel. */
  isAllowedHost(host: string | undefined): boolean
  /** Whether this user still may when he comes for what he ordered. */
  may(userId: number, permission: Permission): Promise<boolean>
}

/** Where an export is fetched, once: a path on this server. */
export interface ExportLink {
  url: string
  expiresAt: string
}

export type Exports = ReturnType<typeof createExports>

/** Exports: ordered through tRPC, fetched once as `GET /exports/<ticket>` within a minute from this instance. */
export function createExports({ clock, log, isAllowedHost, may }: ExportsOptions) {
  const tickets = createExportTickets({ clock })
  let running = 0

  /** `userId` is who asks. Throws `too_many_attempts` where too many wait to be fetched. */
  function order(file: ExportFile, userId: number): ExportLink {
    const { ticket, expiresAtMs } = tickets.issue({ userId, file })
    return { url: `/exports/${ticket}`, expiresAt: new Date(expiresAtMs).toISOString() }
  }

  /** For `app.use('/exports', …)`. */
  function handle(request: IncomingMessage, response: ServerResponse): void {
    if (!isAllowedHost(request.headers.host)) return refuse(response, 421, 'Unknown host')
    if (request.method !== 'GET') return refuse(response, 405, 'Use GET')
    if (running >= MAX_RUNNING) return refuse(response, 429, 'Too many exports, please retry later')
    const ticket = request.url?.split('?', 1)[0]?.split('/').at(-1) ?? ''
    const ordered = tickets.redeem(ticket)
    if (!ordered) return refuse(response, 404, 'This export is not there any more')
    running += 1
    void answer(ordered, response).finally(() => {
      running -= 1
    })
  }

  async function answer({ userId, file }: ExportOrder, response: ServerResponse): Promise<void> {
    const left = new AbortController()
    response.once('close', () => left.abort())
    const signal = AbortSignal.any([left.signal, AbortSignal.timeout(EXPORT_MS)])
    try {
      if (await may(userId, file.permission)) await send(file, response, signal)
      else refuse(response, 404, 'This export is not there any more')
    } catch (error) {
      if (left.signal.aborted) return
      log.warn({ err: error }, 'an export failed')
      if (response.headersSent) response.destroy()
      else refuse(response, 503, 'Service temporarily unavailable, please retry later')
    }
  }

  return { order, handle }
}

/** Nothing goes out before the first rows are there: until then a failure has a status of its own. */
async function send(file: ExportFile, response: ServerResponse, signal: AbortSignal): Promise<void> {
  async function begin(): Promise<void> {
    if (response.headersSent) return
    const disposition = `attachment; filename="${file.name}"`
    response.writeHead(200, { ...HEADERS, 'content-type': file.mediaType, 'content-disposition': disposition })
    await write(response, file.head, signal)
  }

  await file.read(async (lines) => {
    await begin()
    await write(response, lines, signal)
  }, signal)
  await begin()
  response.end()
}

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

function refuse(response: ServerResponse, status: number, text: string): void {
  if (status === 429 || status === 503) response.setHeader('retry-after', RETRY_SECONDS)
  response.writeHead(status, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}

async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (text === '' || response.write(text)) return
  await within(STALLED_MS, once(response, 'drain', { signal }))
}
