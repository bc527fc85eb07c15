import { type AnswerHead, type Responder, relayedHeaders } from './answer.ts'
import type { Opening, StreamBreak } from './attempt.ts'
import type { Caller } from './call.ts'
import { ClientLeft, hasLeft } from './client-left.ts'
import { GatewayError, type GatewayErrorCode, NO_PROGRESS } from './errors.ts'
import { judgeFailure } from './failover.ts'
import { createRestoreModel, type RestoreModel } from './model-name.ts'
import { responsesErrorEvent } from './openai-error.ts'
import { errorBody } from './passed-error-answer.ts'
import type { Candidate, RelayPorts, UpstreamRequest } from './ports.ts'
import { isResponseId, responseNotFound } from './response-maker.ts'
import { createResponsesEventReader } from './responses-event-reader.ts'
import { startAttempt } from './start-attempt.ts'
import { PATHS } from './wire.ts'

/** What a caller wants with a response that was made before: to read it, to forget it, to stop it. */
export interface StoredCall {
  responseId: string
  method: NonNullable<UpstreamRequest['method']>
  /** Below the response, e.g. `/cancel`; empty = the response itself. */
  action: '' | '/cancel' | '/input_items'
  /** Checked and encoded, with its question mark; empty = none. */
  query: string
  wantsStream: boolean
  headers: Readonly<Record<string, string>>
  caller: Pick<Caller, 'userId' | 'group'>
  client: AbortSignal
}

export type StoredPorts = Pick<RelayPorts, 'clock' | 'accounts' | 'responses' | 'upstream'>

type OpenStream = Opening & { kind: 'stream' }

const BREAKS: Record<StreamBreak, GatewayErrorCode> = {
  cut: 'upstream_invalid_response',
  stalled: 'upstream_stalled',
  timeout: 'upstream_timeout',
  too_large: 'upstream_too_large',
}

/**
 * Asks the account that made a response, for the user it was made for. It costs nothing and takes no slot of the account:
 * nothing is generated. Throws response_not_found (unknown, another user's, an account that left the group: it looks the
 * same), no_available_accounts, ledger_unavailable, the codes of a failed upstream, ClientLeft.
 */
export async function relayStored(call: StoredCall, ports: StoredPorts, responder: Responder): Promise<void> {
  const { candidate, model } = await makerOf(call, ports)
  const startedAt = ports.clock.monotonic()
  const opening = await ask(call, candidate, ports)
  const restoreModel = createRestoreModel(model, candidate.upstreamModel, 'responses')
  const upstreamMs = ports.clock.monotonic() - startedAt
  const head = (status: number, headers: Record<string, unknown>): AnswerHead => ({
    ...NO_PROGRESS,
    attempts: 1,
    upstreamMs,
    status,
    headers: relayedHeaders(headers),
  })
  switch (opening.kind) {
    case 'json':
      return responder.send({ ...head(opening.status, opening.headers), body: restoreModel(opening.text) })
    case 'stream':
      return relayStream(call, opening, head(opening.status, opening.headers), restoreModel, responder)
    case 'failed': {
      const verdict = judgeFailure(opening.failure, ports.clock.now())
      const { failure } = opening
      if (verdict.passThrough && failure.kind === 'status') {
        const body = errorBody(failure.body)
        return responder.send({ ...head(failure.status, { 'content-type': 'application/json' }), body })
      }
      throw new GatewayError(verdict.code, verdict.retryAfterMs === null ? {} : { retryAfterMs: verdict.retryAfterMs })
    }
  }
}

async function makerOf({ responseId, caller }: StoredCall, { accounts, responses, clock }: StoredPorts) {
  const made = isResponseId(responseId) ? await responses.find(caller.userId, responseId) : null
  const candidates = made === null ? [] : accounts.candidates(caller.group.id, made.model)
  const candidate = candidates.find(({ accountId }) => accountId === made?.accountId)
  if (made === null || candidate === undefined || candidate.protocol === 'chat') throw responseNotFound(responseId)
  if (candidate.blocked !== null || candidate.expiresAtMs <= clock.now()) {
    throw new GatewayError('no_available_accounts')
  }
  return { candidate, model: made.model }
}

async function ask(call: StoredCall, candidate: Candidate, { clock, upstream }: StoredPorts): Promise<Opening> {
  const { responseId, method, action, query, headers, wantsStream, client } = call
  const { timeouts } = call.caller.group
  if (client.aborted) throw new ClientLeft()
  const attempt = startAttempt({
    request: {
      candidate,
      method,
      path: `${PATHS.responses}/${responseId}${action}${query}`,
      headers,
      body: method === 'POST' ? '{}' : null,
      connectMs: timeouts.connectMs,
    },
    timeouts,
    wantsStream,
    createReader: createResponsesEventReader,
    clock,
    upstream,
  })
  client.addEventListener('abort', attempt.abort.bind(attempt), { once: true })
  const opening = await attempt.opening
  if (!client.aborted) return opening
  attempt.abort()
  if (hasLeft(client)) throw new ClientLeft()
  throw new GatewayError('overloaded')
}

/** A stream that is read again: whole events, one end. */
function relayStream(
  { client, responseId }: StoredCall,
  { stream }: OpenStream,
  head: AnswerHead,
  restoreModel: RestoreModel,
  responder: Responder,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { reader } = stream
  let pending = ''
  let isOver = false
  client.addEventListener('abort', onLeft, { once: true })
  if (client.aborted) onLeft()
  stream.consume({
    onEvent(event, kind) {
      if (isOver) return
      if (kind === 'end') finish(restoreModel(event))
      else if (kind === 'error') finish(restoreModel(reader.errorEvent(event)))
      else pending += restoreModel(event)
    },
    onFlush() {
      if (pending === '' || isOver) return
      const events = pending
      pending = ''
      if (responder.write(events, head)) return
      stream.pause()
      responder.whenDrained(() => stream.resume())
    },
    onEnd: () => (reader.ending() === null ? fail('upstream_invalid_response') : finish('')),
    onBreak: (reason) => fail(BREAKS[reason]),
  })
  return promise

  function fail(code: GatewayErrorCode): void {
    finish(responsesErrorEvent(new GatewayError(code), reader.responseId() ?? responseId, reader.nextSequenceNumber()))
  }

  function finish(last: string): void {
    if (isOver) return
    isOver = true
    client.removeEventListener('abort', onLeft)
    responder.writeLast(pending + last, head)
    responder.end('')
    stream.settle()
    resolve()
  }

  function onLeft(): void {
    if (!hasLeft(client)) return fail('overloaded')
    isOver = true
    stream.abort()
    resolve()
  }
}
