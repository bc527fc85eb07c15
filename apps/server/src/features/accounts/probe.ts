import type { Protocol, Provider } from '@turnpike/core/words'
import type { Dispatcher } from 'undici'
import { z } from 'zod'
import { connectFailureOf } from '../../shared/egress/connect-failure.ts'
import { EgressError } from '../../shared/egress/egress-error.ts'
import { readBounded } from './read-bounded.ts'

const CONNECT_MS = 5_000
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
const MAX_MODELS = 1_000

/** Opens connections to configured addresses, after checking where they lead. */
export interface Egress {
  /** Throws where the address may not be reached. */
  checkUrl(url: string): Promise<void>
  checkProxy(url: string): Promise<void>
  poolFor(url: string, options: { connectMs: number; proxy: string | null }): Dispatcher
}

/** What it takes to speak to an account's upstream. */
export interface ProbeTarget {
  provider: Provider
  protocol: Protocol
  baseUrl: string
  /** Its credentials and extra headers. */
  headers: Record<string, string>
  /** A proxy's URL; null = reached directly. */
  proxy: string | null
}

export type StatusClass = '2xx' | '4xx' | '5xx' | 'none'

export interface ProbeResult {
  ok: boolean
  statusClass: StatusClass
  latencyMs: number
  /** Our word for what went wrong; null = nothing. Never a part of what the upstream said. */
  reason: string | null
}

const modelList = z.object({ data: z.array(z.object({ id: z.string().min(1).max(200) })) })

export type Probe = ReturnType<typeof createProbe>

/** Asks an upstream for its models and for one token. */
export function createProbe({ egress, clock }: { egress: Egress; clock: { now(): number } }) {
  /** The upstream's models; null where it gives no readable list in time. */
  async function listModels(target: ProbeTarget, timeoutMs: number): Promise<string[] | null> {
    try {
      const { status, text } = await send(target, { method: 'GET', path: '/models', timeoutMs })
      if (status !== 200) return null
      const list = modelList.safeParse(JSON.parse(text))
      return list.success ? [...new Set(list.data.data.map(({ id }) => id))].slice(0, MAX_MODELS) : null
    } catch {
      // Whatever the reason, the answer to "which models?" is that it is not known.
      return null
    }
  }

  async function oneToken(target: ProbeTarget, model: string, timeoutMs: number): Promise<ProbeResult> {
    const startedMs = clock.now()
    try {
      const { status } = await send(target, { method: 'POST', timeoutMs, ...oneTokenRequest(target, model) })
      return { ...verdict(status), latencyMs: clock.now() - startedMs }
    } catch (error) {
      return { ok: false, statusClass: 'none', latencyMs: clock.now() - startedMs, reason: reasonOf(error) }
    }
  }

  async function send(target: ProbeTarget, call: Call): Promise<{ status: number; text: string }> {
    const url = `${target.baseUrl}${call.path}`
    await egress.checkUrl(url)
    const { origin, pathname } = new URL(url)
    const answer = await egress.poolFor(url, { connectMs: CONNECT_MS, proxy: target.proxy }).request({
      origin,
      path: pathname,
      method: call.method,
      headers: { ...target.headers, 'content-type': 'application/json' },
      body: call.body ? JSON.stringify(call.body) : null,
      signal: AbortSignal.timeout(call.timeoutMs),
    })
    return { status: answer.statusCode, text: await readBounded(answer.body, MAX_ANSWER_BYTES) }
  }

  return { listModels, oneToken }
}

interface Call {
  method: 'GET' | 'POST'
  path: string
  body?: unknown
  timeoutMs: number
}

function oneTokenRequest({ provider, protocol }: ProbeTarget, model: string): { path: string; body: unknown } {
  if (protocol === 'responses')
    return { path: '/responses', body: { model, input: 'ping', max_output_tokens: 16, store: false } }
  const messages = [{ role: 'user', content: 'ping' }]
  // OpenAI's newer models refuse the old name of the limit, most other servers know no other.
  const isOpenAi = provider === 'openai' || provider === 'azure-openai'
  return {
    path: '/chat/completions',
    body: { model, messages, [isOpenAi ? 'max_completion_tokens' : 'max_tokens']: 1 },
  }
}

function verdict(status: number): Pick<ProbeResult, 'ok' | 'statusClass' | 'reason'> {
  if (status >= 200 && status < 300) return { ok: true, statusClass: '2xx', reason: null }
  if (status >= 500) return { ok: false, statusClass: '5xx', reason: 'upstream_error' }
  if (status >= 400) return { ok: false, statusClass: '4xx', reason: REASON_BY_STATUS[status] ?? 'refused' }
  return { ok: false, statusClass: 'none', reason: 'redirect' }
}

const REASON_BY_STATUS: Record<number, string> = {
  401: 'unauthorized',
  402: 'payment_required',
  403: 'forbidden',
  404: 'model_not_found',
  429: 'rate_limited',
}

function reasonOf(error: unknown): string {
  if (error instanceof EgressError) return 'unsafe_destination'
  const isLate = error instanceof Error && error.name === 'TimeoutError'
  return connectFailureOf(error) ?? (isLate ? 'timeout' : 'unreachable')
}
