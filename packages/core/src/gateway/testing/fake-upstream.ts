import type { Upstream, UpstreamListener, UpstreamRequest } from '../ports.ts'
import type { Headers } from '../retry-after.ts'

/** One call that reached the fake upstream: the test speaks for the other side. */
export interface FakeExchange {
  request: UpstreamRequest
  isPaused: boolean
  isAborted: boolean
  sent(): void
  head(status: number, headers?: Headers): void
  data(bytes: string): void
  end(): void
  error(kind: Parameters<UpstreamListener['onError']>[0]): void
  /** A whole JSON answer. */
  answer(json: unknown, status?: number, headers?: Headers): void
  /** The head of a stream, and its first bytes. */
  stream(...events: string[]): void
}

export interface FakeUpstream extends Upstream {
  calls: FakeExchange[]
  /** The newest call. */
  last(): FakeExchange
}

/** Keeps the contract of a real one: after an end, an error or an abort nothing more is heard. */
export function createFakeUpstream(): FakeUpstream {
  const calls: FakeExchange[] = []

  function open(request: UpstreamRequest, listener: UpstreamListener) {
    let isOver = false
    const tell = (say: () => void) => {
      if (!isOver) say()
    }
    const exchange: FakeExchange = {
      request,
      isPaused: false,
      isAborted: false,
      sent: () => tell(() => listener.onSent()),
      head: (status, headers = {}) => tell(() => listener.onHeaders(status, headers)),
      data: (bytes) => tell(() => listener.onData(bytes)),
      end: () =>
        tell(() => {
          isOver = true
          listener.onEnd()
        }),
      error: (kind) =>
        tell(() => {
          isOver = true
          listener.onError(kind)
        }),
      answer(json, status = 200, headers = {}) {
        exchange.sent()
        exchange.head(status, { 'content-type': 'application/json', ...headers })
        exchange.data(typeof json === 'string' ? json : JSON.stringify(json))
        exchange.end()
      },
      stream(...events) {
        exchange.sent()
        exchange.head(200, { 'content-type': 'text/event-stream' })
        if (events.length > 0) exchange.data(events.join(''))
      },
    }
    calls.push(exchange)
    return {
      pause() {
        exchange.isPaused = true
      },
      resume() {
        exchange.isPaused = false
      },
      abort() {
        if (!isOver) exchange.isAborted = true
        isOver = true
      },
    }
  }

  return {
    open,
    calls,
    last() {
      const call = calls.at(-1)
      if (call === undefined) throw new Error('nothing reached the upstream')
      return call
    },
  }
}
