import { type AnswerError, type AnswerStep, bodyOf, type Question, stepOfBody, stepOfEvent } from './answer.ts'
import { createSseReader } from './sse.ts'

export type RunState = 'idle' | 'running' | 'done' | 'stopped' | 'failed'

/** More than is read by a person; what comes after is counted, not shown. */
const MAX_SHOWN_CHARS = 200_000

/** One request from this page to the gateway, as any client would send it, with its times as seen from here. */
export function createRun(now: () => number = () => performance.now()) {
  let state = $state<RunState>('idle')
  let text = $state('')
  let error = $state.raw<AnswerError | null>(null)
  let status = $state<number | null>(null)
  let requestId = $state<string | null>(null)
  let ttftMs = $state<number | null>(null)
  let totalMs = $state<number | null>(null)
  let leaving: AbortController | null = null

  /** Resolves when the answer has ended, however it did. */
  async function ask(question: Question, secret: string): Promise<void> {
    stop()
    const mine = new AbortController()
    leaving = mine
    reset()
    const startedAt = now()
    const take = (step: AnswerStep | null) => {
      if (step === null || mine.signal.aborted) return
      if (step.kind === 'error') {
        error = step.error
        return
      }
      ttftMs ??= now() - startedAt
      if (text.length < MAX_SHOWN_CHARS) text += step.text
    }
    try {
      const response = await fetch(`/v1/${question.askedBy}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify(bodyOf(question)),
        credentials: 'omit',
        signal: mine.signal,
      })
      status = response.status
      requestId = response.headers.get('x-request-id')
      if (response.headers.get('content-type')?.startsWith('text/event-stream') && response.body) {
        await readEvents(response.body, (event) => take(stepOfEvent(question.askedBy, event)))
      } else {
        take(stepOfBody(question.askedBy, await response.text()))
      }
      if (leaving === mine) state = error === null && response.ok ? 'done' : 'failed'
    } catch (thrown) {
      if (leaving !== mine) return
      state = mine.signal.aborted ? 'stopped' : 'failed'
      if (!mine.signal.aborted) error = { code: null, type: null, message: String(thrown) }
    } finally {
      if (leaving === mine) totalMs = now() - startedAt
    }
  }

  function reset(): void {
    state = 'running'
    text = ''
    error = null
    status = null
    requestId = null
    ttftMs = null
    totalMs = null
  }

  /** What has come so far stays. */
  function stop(): void {
    leaving?.abort()
  }

  return {
    ask,
    stop,
    get state() {
      return state
    },
    get text() {
      return text
    },
    get error() {
      return error
    },
    get status() {
      return status
    },
    get requestId() {
      return requestId
    },
    get ttftMs() {
      return ttftMs
    },
    get totalMs() {
      return totalMs
    },
  }
}

export type Run = ReturnType<typeof createRun>

async function readEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (event: { event: string; data: string }) => void,
): Promise<void> {
  const sse = createSseReader()
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    for (const event of sse.push(value)) take(event)
  }
}
