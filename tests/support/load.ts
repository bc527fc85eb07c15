import { Agent, request } from 'undici'
import type { Turnpike } from './start-turnpike.ts'

export interface Answer {
  kind: AskKind
  /** Null where not even headers came. */
  status: number | null
  requestId: string | null
  queueMs: number
  /** The whole JSON body, or a stream's terminal event with the blank line that closes it. */
  isWhole: boolean
  /** No connection could be made, so nobody can have done anything. */
  isRefused: boolean
  /** Code of the error the answer told. */
  code: string | null
  text: string
  endedAt: number
}

export type AskKind = 'json' | 'stream' | 'responses'

export interface LoadOptions {
  /** Requests in flight at once; each is followed by the next one. */
  connections: number
  kinds?: AskKind[]
  /** Directive for the sandbox, as in `events=20 eventMs=10`. */
  sandbox?: string
}

export interface Load extends AsyncDisposable {
  /** Answers so far, in order of their end. */
  answers: Answer[]
  inFlight(): number
  /** Begins no more requests and waits for those that run. */
  stop(): Promise<Answer[]>
}

const KINDS: AskKind[] = ['json', 'stream', 'responses']
const PAUSE_AFTER_FAILURE_MS = 20
const ANSWER_MS = 60_000

/** Callers that ask one request after another until they are stopped. */
export function startLoad(turnpike: Turnpike, { connections, kinds = KINDS, sandbox = '' }: LoadOptions): Load {
  const agent = new Agent({ connections: connections + 10, pipelining: 1 })
  const answers: Answer[] = []
  let isStopped = false
  let inFlight = 0

  async function caller(index: number): Promise<void> {
    for (let turn = index; !isStopped; turn++) {
      inFlight++
      const answer = await ask(turnpike, kinds[turn % kinds.length] ?? 'json', { sandbox, agent })
      inFlight--
      answers.push(answer)
      if (answer.status !== 200) await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_FAILURE_MS))
    }
  }

  const callers = Array.from({ length: connections }, (_, index) => caller(index))
  async function stop(): Promise<Answer[]> {
    isStopped = true
    await Promise.all(callers)
    await agent.close()
    return answers
  }

  return {
    answers,
    inFlight: () => inFlight,
    stop,
    async [Symbol.asyncDispose]() {
      if (!isStopped) await stop()
    },
  }
}

/** Asks so many at once and waits for all answers. */
export async function askTogether(turnpike: Turnpike, count: number, sandbox: string): Promise<Answer[]> {
  const agent = new Agent({ connections: count, pipelining: 1 })
  try {
    return await Promise.all(Array.from({ length: count }, () => ask(turnpike, 'stream', { sandbox, agent })))
  } finally {
    await agent.close()
  }
}

/** One request, to its last byte or its failure. */
export async function ask(
  { facts }: Pick<Turnpike, 'facts'>,
  kind: AskKind,
  { sandbox = '', agent, key = facts.apiKey }: { sandbox?: string; agent?: Agent; key?: string } = {},
): Promise<Answer> {
  const answer: Answer = {
    kind,
    status: null,
    requestId: null,
    queueMs: 0,
    isWhole: false,
    isRefused: false,
    code: null,
    text: '',
    endedAt: 0,
  }
  try {
    const { statusCode, headers, body } = await request(`${facts.gatewayUrl}${PATHS[kind]}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(bodyOf(kind, `Hello! [[sandbox: ${sandbox} words=20]]`)),
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(agent ? { dispatcher: agent } : {}),
    })
    answer.status = statusCode
    answer.requestId = String(headers['x-request-id'])
    answer.queueMs = Number(headers['x-turnpike-queue-ms'] ?? 0)
    body.setEncoding('utf8')
    for await (const piece of body) answer.text += piece
    answer.isWhole = isWhole(kind, statusCode, answer.text)
    answer.code = codeOf(answer.text)
  } catch (error) {
    // Cut off: what came until then is the answer.
    answer.isRefused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
  }
  answer.endedAt = performance.now()
  return answer
}

const PATHS: Record<AskKind, string> = {
  json: '/chat/completions',
  stream: '/chat/completions',
  responses: '/responses',
}

function bodyOf(kind: AskKind, prompt: string): object {
  if (kind === 'responses') return { model: 'sandbox-small', stream: true, input: prompt }
  return { model: 'sandbox-small', stream: kind === 'stream', messages: [{ role: 'user', content: prompt }] }
}

function isWhole(kind: AskKind, status: number, text: string): boolean {
  if (status !== 200) return false
  if (kind === 'json') return text.endsWith('}')
  if (kind === 'stream') return text.endsWith('data: [DONE]\n\n')
  return text.includes('event: response.completed\n') && text.endsWith('\n\n')
}

function codeOf(text: string): string | null {
  return /"error":\{[^}]*"code":"(\w+)"/.exec(text)?.[1] ?? null
}
