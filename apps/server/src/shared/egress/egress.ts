import type { Socket } from 'node:net'
import { type Dispatcher, Pool } from 'undici'
import { assertAddressesAllowed, type Destination, inspectUrl } from './check-url.ts'
import { createConnector, createOpener } from './connect.ts'
import { EgressError } from './egress-error.ts'
import { inspectMailServer, type MailServer } from './inspect-mail-server.ts'
import { inspectProxy } from './inspect-proxy.ts'
import { parsePrivateUpstreams } from './private-upstreams.ts'
import { createResolver, type Resolve } from './resolver.ts'

export interface EgressOptions {
  /** Entries of `TURNPIKE_PRIVATE_UPSTREAMS`; an unreadable one throws. Empty for webhooks and mail: the list is for accounts only. */
  privateUpstreams: readonly string[]
  resolve?: Resolve
}

export interface EgressStats {
  pools: number
  connected: number
  /** Requests on a connection, and requests that wait for one. */
  running: number
  pending: number
}

export interface Egress {
  /** Judges a URL whole, its name's addresses too. Throws an EgressError. */
  checkUrl(url: string): Promise<void>
  /** Judges a proxy's URL (http, https, socks5) in the same way. Throws an EgressError. */
  checkProxy(url: string): Promise<void>
  /** Judges a mail server in the same way. Throws an EgressError. */
  checkMailServer(server: MailServer): Promise<void>
  /**
   * A connection to a mail server, inside TLS where `isTls`; it is judged anew each time. Throws an EgressError where the
   * server itself is refused, a ConnectFailure where the connection could not be made.
   */
  openMailSocket(server: MailServer, options: MailSocketOptions): Promise<Socket>
  /**
   * The pool of a URL's origin, by way of `proxy` where one is given, to dispatch on at once and not to keep: a pool that nobody asks for is closed. Throws an EgressError
   * where the URL itself is refused; a name that leads to a refused address fails the request as `unsafe_destination`.
   */
  poolFor(url: string, options: PoolOptions): Dispatcher
  /** Ends everything at once, requests under way too. */
  close(): Promise<void>
  stats(): EgressStats
}

export interface PoolOptions {
  connectMs: number
  /** A proxy's URL; an invalid one is an error, never a direct connection. Null = directly. */
  proxy?: string | null
}

export interface MailSocketOptions {
  isTls: boolean
  connectMs: number
  signal: AbortSignal
}

/** More concurrency than one process can carry; the gateway's own limits end it long before. */
const MAX_CONNECTIONS_PER_POOL = 10_000
const MAX_POOLS = 512
const MAX_HEADER_BYTES = 32 * 1024
const KEEP_ALIVE_MS = 30_000
/** A pool is closed when it was not asked for during a whole one of these spans. */
const SWEEP_EVERY_MS = 5 * 60_000

interface PoolEntry {
  pool: Pool
  wasAskedFor: boolean
}

/** The one maker of connections to configured addresses (spec: alerts, "Webhook safety"; gateway, step 9). */
export function createEgress({ privateUpstreams, resolve = createResolver() }: EgressOptions): Egress {
  const listed = parsePrivateUpstreams(privateUpstreams)
  const closing = new AbortController()
  /** By `connectMs`, proxy and URL as given, so that a known one costs one look-up; several URLs may share a pool of `byOrigin`. */
  const byUrl = new Map<string, PoolEntry>()
  const byOrigin = new Map<string, PoolEntry>()
  /** Closed to new requests, with some still under way. */
  const retired = new Set<Pool>()
  const sweep = setInterval(closeUnused, SWEEP_EVERY_MS).unref()

  async function resolveAllowed(destination: Destination): Promise<string[]> {
    const isListed = destination.kind === 'listed_name'
    const addresses =
      destination.kind === 'literal' ? [destination.host] : await resolve(destination.host, { isListed })
    assertAddressesAllowed(addresses, destination, listed)
    return addresses
  }

  async function checkUrl(url: string): Promise<void> {
    await resolveAllowed(inspectUrl(url, listed))
  }

  async function checkProxy(url: string): Promise<void> {
    await resolveAllowed(inspectProxy(url, listed).destination)
  }

  async function checkMailServer(server: MailServer): Promise<void> {
    await resolveAllowed(inspectMailServer(server, listed))
  }

  async function openMailSocket(server: MailServer, { isTls, connectMs, signal }: MailSocketOptions): Promise<Socket> {
    if (closing.signal.aborted) throw new EgressError('closed')
    const destination = { ...inspectMailServer(server, listed), isTls }
    const either = AbortSignal.any([closing.signal, signal])
    return createOpener({ destination, proxy: null, resolveAllowed, connectMs, signal: either, protocols: [] })()
  }

  function poolFor(url: string, { connectMs, proxy = null }: PoolOptions): Dispatcher {
    const entry = byUrl.get(`${connectMs} ${proxy ?? ''} ${url}`) ?? remember(url, { connectMs, proxy })
    entry.wasAskedFor = true
    return entry.pool
  }

  function remember(url: string, { connectMs, proxy }: Required<PoolOptions>): PoolEntry {
    if (closing.signal.aborted) throw new EgressError('closed')
    const destination = inspectUrl(url, listed)
    const way = `${connectMs} ${proxy ?? ''}`
    const key = `${way} ${destination.origin}`
    const entry = byOrigin.get(key) ?? openPool(key, destination, { connectMs, proxy })
    if (byUrl.size >= 2 * MAX_POOLS) byUrl.clear()
    byUrl.set(`${way} ${url}`, entry)
    return entry
  }

  function openPool(
    key: string,
    destination: Destination,
    { connectMs, proxy: url }: Required<PoolOptions>,
  ): PoolEntry {
    const proxy = url === null ? null : inspectProxy(url, listed)
    if (byOrigin.size >= MAX_POOLS) closeOne()
    const pool = new Pool(destination.origin, {
      connect: createConnector({ destination, proxy, resolveAllowed, connectMs, signal: closing.signal }),
      connections: MAX_CONNECTIONS_PER_POOL,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    const entry = { pool, wasAskedFor: true }
    byOrigin.set(key, entry)
    return entry
  }

  function closeUnused(): void {
    for (const [key, entry] of byOrigin) {
      if (!entry.wasAskedFor) retire(key, entry)
      entry.wasAskedFor = false
    }
  }

  function closeOne(): void {
    const entries = [...byOrigin]
    const [key, entry] = entries.find(([, candidate]) => !candidate.wasAskedFor) ?? entries[0] ?? []
    if (key !== undefined && entry !== undefined) retire(key, entry)
  }

  /** Requests under way on it run to their end. */
  function retire(key: string, entry: PoolEntry): void {
    byOrigin.delete(key)
    for (const [url, candidate] of byUrl) {
      if (candidate === entry) byUrl.delete(url)
    }
    retired.add(entry.pool)
    const forget = () => retired.delete(entry.pool)
    // Rejects only where close() below destroyed it first.
    void entry.pool.close().then(forget, forget)
  }

  async function close(): Promise<void> {
    clearInterval(sweep)
    closing.abort()
    byUrl.clear()
    const pools = openPools()
    byOrigin.clear()
    await Promise.all(pools.map((pool) => pool.destroy()))
  }

  function stats(): EgressStats {
    const total = { pools: byOrigin.size, connected: 0, running: 0, pending: 0 }
    for (const pool of openPools()) {
      const { connected, running, pending } = pool.stats
      total.connected += connected
      total.running += running
      total.pending += pending
    }
    return total
  }

  function openPools(): Pool[] {
    return [...[...byOrigin.values()].map(({ pool }) => pool), ...retired]
  }

  return { checkUrl, checkProxy, checkMailServer, openMailSocket, poolFor, close, stats }
}
