import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { UsageExport } from '@turnpike/core/inputs/usage'
import type { Db } from '@turnpike/db'
import { within } from '../../shared/deadline.ts'
import type { Log } from '../../shared/logger.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import { untilAborted } from './cancelled-query.ts'
import { exportText } from './export-text.ts'
import { createExportTickets, type ExportOrder } from './export-tickets.ts'
import { declareCursor, fetchFromCursor } from './queries.ts'
import { windowOf } from './window-of.ts'

const MAX_RUNNING = 5
const ROWS_AT_ONCE = 500
/** A client that takes nothing for this long has left. */
const STALLED_MS = 60_000
const EXPORT_MS = 1_800_000
const RETRY_SECONDS = 10

export interface ExportsOptions {
  sql: Db['sql']
  clock: WallClock
  log: Log
  /** Whether this Host header may see the panel. */
  isAllowedHost(host: string | undefined): boolean
  /** Whether this user may still read the ledger when he comes for what he ordered. */
  mayExport(userId: number): Promise<boolean>
}

/** Where an export is fetched, once: a path on this server. */
export interface ExportLink {
  url: string
  expiresAt: string
}

export type Exports = ReturnType<typeof createExports>

/** Exports of the ledger: ordered through tRPC, fetched once as `GET /exports/<ticket>` within a minute from this instance. */
export function createExports({ sql, clock, log, isAllowedHost, mayExport }: ExportsOptions) {
  const tickets = createExportTickets({ clock })
  let running = 0

  /** `userId` is who asks. Throws `invalid_input`, and `too_many_attempts` where too many wait to be fetched. */
  function order({ format, ...filters }: UsageExport, userId: number): ExportLink {
    const { ticket, expiresAtMs } = tickets.issue({ userId, format, window: windowOf(filters, clock.now()) })
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

  async function answer(ordered: ExportOrder, response: ServerResponse): Promise<void> {
    const left = new AbortController()
    response.once('close', () => left.abort())
    const signal = AbortSignal.any([left.signal, AbortSignal.timeout(EXPORT_MS)])
    try {
      if (await mayExport(ordered.userId)) await send(ordered, response, signal)
      else refuse(response, 404, 'This export is not there any more')
    } catch (error) {
      if (left.signal.aborted) return
      log.warn({ err: error }, 'an export failed')
      if (response.headersSent) response.destroy()
      else refuse(response, 503, 'Service temporarily unavailable, please retry later')
    }
  }

  async function send({ window, format }: ExportOrder, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const { mediaType, head, linesOf } = exportText(format)
    await sql.begin('read only', async (transaction) => {
      await untilAborted(declareCursor(transaction, window), signal)
      let rows = await untilAborted(fetchFromCursor(transaction, ROWS_AT_ONCE), signal)
      response.writeHead(200, { ...HEADERS, 'content-type': mediaType, 'content-disposition': disposition(format) })
      await write(response, head, signal)
      while (rows.length > 0) {
        await write(response, linesOf(rows), signal)
        rows = await untilAborted(fetchFromCursor(transaction, ROWS_AT_ONCE), signal)
      }
    })
    response.end()
  }

  return { order, handle }
}

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

function disposition(format: UsageExport['format']): string {
  return `attachment; filename="usage.${format}"`
}

function refuse(response: ServerResponse, status: number, text: string): void {
  if (status === 429 || status === 503) response.setHeader('retry-after', RETRY_SECONDS)
  response.writeHead(status, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}

async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (text === '' || response.write(text)) return
  await within(STALLED_MS, once(response, 'drain', { signal }))
}
