import { createTRPCClient, createWSClient, httpBatchLink, splitLink, type TRPCClient, wsLink } from '@trpc/client'
import type { AppRouter } from './api.ts'
import { type Connection, createConnectionState } from './connection.ts'
import { retryDelayMs } from './retry-delay.ts'

const SIGNED_OUT = 4401
const IDLE_CLOSE_MS = 10_000
const PING_MS = 20_000
const PONG_WAIT_MS = 20_000
const MAX_URL_LENGTH = 8_000
const MAX_BATCH = 20

export interface TurnpikeClientOptions {
  /** The server, as `https://turnpike.example` or with `/trpc`; in a page the page's own origin will do. */
  url: string
  /** A service token. Without one a page speaks with its session cookie, a program with what its `fetch` adds. */
  token?: string
  fetch?: typeof fetch
  /** For runtimes that have none. */
  WebSocket?: WebSocketClass
}

/** A class that works like the browser's, such as the one of `ws`. */
export type WebSocketClass = new (url: string) => object

/** Every procedure, typed, and the line that carries its subscriptions. */
export type TurnpikeClient = TRPCClient<AppRouter> & { readonly $connection: Connection }

/** Queries and mutations go over HTTP, several in one request; subscriptions over a WebSocket that comes back by itself. */
export function createTurnpikeClient({ url, token, fetch, WebSocket }: TurnpikeClientOptions): TurnpikeClient {
  const endpoint = endpointOf(url)
  const state = createConnectionState()

  const http = httpBatchLink({
    url: endpoint.href,
    maxItems: MAX_BATCH,
    maxURLLength: MAX_URL_LENGTH,
    headers: () => ({ ...(token ? { authorization: `Bearer ${token}` } : {}), ...originOutsidePages(endpoint) }),
    ...(fetch ? { fetch } : {}),
  })

  const socket = createWSClient({
    url: socketUrl(endpoint),
    lazy: { enabled: true, closeMs: IDLE_CLOSE_MS },
    keepAlive: { enabled: true, intervalMs: PING_MS, pongTimeoutMs: PONG_WAIT_MS },
    retryDelayMs: (attempt) => retryDelayMs(attempt),
    onClose: (cause) => {
      if (cause?.code === SIGNED_OUT) state.set('signed_out')
    },
    ...(isPage() && !token ? {} : { connectionParams: async () => ({ token: token ?? (await ticket()) }) }),
    ...(WebSocket ? { WebSocket: asBrowserClass(WebSocket) } : {}),
  })
  socket.connectionState.subscribe({
    next(change) {
      if (change.state === 'idle') state.set('idle')
      else if (change.state === 'pending') state.set('live')
      else if (state.get() !== 'signed_out') state.set(state.get() === 'idle' ? 'connecting' : 'reconnecting')
    },
  })

  const client = createTRPCClient<AppRouter>({
    links: [
      splitLink({ condition: ({ type }) => type === 'subscription', true: wsLink({ client: socket }), false: http }),
    ],
  })

  async function ticket(): Promise<string> {
    return (await client.auth.wsTicket.mutate()).ticket
  }

  const connection: Connection = {
    get state() {
      return state.get()
    },
    subscribe: state.subscribe,
    close: () => socket.close(),
  }
  return withConnection(client, connection)
}

// The client is a proxy that answers every name with a router: one name is kept for the line.
function withConnection(client: TRPCClient<AppRouter>, connection: Connection): TurnpikeClient {
  const named = new Proxy(client, {
    get: (target, name) => (name === '$connection' ? connection : Reflect.get(target, name)),
  })
  return named as TurnpikeClient
}

// What tRPC uses of the class (open, send, close, the four events) all implementations have; their types differ in the rest.
function asBrowserClass(implementation: WebSocketClass): typeof WebSocket {
  return implementation as typeof WebSocket
}

function endpointOf(url: string): URL {
  const endpoint = new URL(url, isPage() ? document.baseURI : undefined)
  const path = endpoint.pathname.replace(/\/+$/, '')
  endpoint.pathname = path.endsWith('/trpc') ? path : `${path}/trpc`
  endpoint.search = ''
  endpoint.hash = ''
  return endpoint
}

function socketUrl(endpoint: URL): string {
  const url = new URL(endpoint)
  url.protocol = endpoint.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}

// Mutations must show that they come from the server's own origin. A browser says so itself and lets nobody else.
function originOutsidePages(endpoint: URL): { origin?: string } {
  return isPage() ? {} : { origin: endpoint.origin }
}

function isPage(): boolean {
  return typeof document !== 'undefined'
}
