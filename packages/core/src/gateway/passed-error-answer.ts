import { type Answer, type AnswerInput, answerHead } from './answer.ts'
import { conclude } from './conclude.ts'
import { type AttemptFailure, upstreamErrorCode } from './failover.ts'
import { isObject, parseJson } from './json.ts'
import { withoutClosingLine } from './sse.ts'
import { NOTHING_DELIVERED } from './story.ts'

type PassedFailure = Extract<AttemptFailure, { kind: 'status' | 'error_event' }>

/** The caller's own mistake, told in the upstream's words: status, message, type, param and code as they came. */
export function createPassedErrorAnswer(input: AnswerInput, failure: PassedFailure): Answer {
  const { story, exchange, ports, release } = input
  return {
    async deliver(responder) {
      release()
      const isStatus = failure.kind === 'status'
      const status = isStatus ? failure.status : 200
      const head = answerHead(input, status, isStatus ? { 'content-type': 'application/json' } : failure.headers)
      await conclude(
        story,
        {
          ...NOTHING_DELIVERED,
          kind: isStatus ? 'rejected_upstream' : 'failed',
          status: isStatus ? status : 502,
          errorCode: (isStatus ? upstreamErrorCode(failure.body) : failure.code) ?? 'upstream_failed',
        },
        ports,
      )
      if (isStatus) responder.send({ ...head, body: errorBody(failure.body) })
      else {
        const told = exchange.stream(failure.reader)
        const events = failure.preambles.map(told.relay).join('') + told.upstreamError(failure.event)
        const [all, closingLine] = withoutClosingLine(events)
        responder.writeLast(all, head)
        responder.end(closingLine)
      }
    },
    [Symbol.dispose]() {
      release()
    },
  }
}

/** OpenAI's shape goes through as it is; what is not of that shape would break clients, and may name the upstream. */
export function errorBody(body: string): string {
  const json = parseJson(body)
  if (isObject(json) && isObject(json.error)) return body
  const message = isObject(json) && typeof json.message === 'string' ? json.message : 'Upstream request failed'
  return JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: null } })
}
