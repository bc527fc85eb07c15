import { randomUUIDv7 } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ClientLeft } from '@turnpike/core/gateway/client-left'
import { asGatewayError, GatewayError, NO_PROGRESS } from '@turnpike/core/gateway/errors'
import { openAiError } from '@turnpike/core/gateway/openai-error'
import type { Refusal } from '@turnpike/core/ops/refusal'
import type { Log } from '../../../shared/logger.ts'
import type { KeyRecord } from '../keys/key-store.ts'
import { identityHeaders, rateHeaders, timingHeaders } from './answer-headers.ts'
import type { CallerOf } from './caller.ts'
import { discard } from './read-body.ts'
import { type Known, refusalOf } from './refusal.ts'
import { clientRequestId, hasKeyInQuery } from './request-headers.ts'

interface AnsweredOptions {
  callerOf: CallerOf
  clock: { now(): number; monotonic(): number }
  onRefused(refusal: Refusal): void
  log: Log
}

/** Answers a request of a known key with the JSON that `make` gives, or with the error it throws. */
export type Answered = (request: IncomingMessage, response: ServerResponse, make: (key: KeyRecord) => unknown) => void

export function createAnswered({ callerOf, clock, onRefused, log }: AnsweredOptions): Answered {
  const { monotonic } = clock

  async function identify(request: IncomingMessage): Promise<KeyRecord> {
    if (hasKeyInQuery(request.url ?? '')) throw new GatewayError('api_key_in_query')
    return (await callerOf.identify(request)).key
  }

  return function answered(request, response, make) {
    discard(request)
    const startedAt = monotonic()
    const requestId = randomUUIDv7()
    const identity = identityHeaders(requestId, clientRequestId(request.headers))
    let known: KeyRecord | null = null
    const headers = () => ({
      ...identity,
      ...timingHeaders(NO_PROGRESS, monotonic() - startedAt),
      ...rateHeaders(known && callerOf.ratesLeft(known)),
    })
    answer().then(
      (body) => send(response, 200, headers(), body),
      (error: unknown) => {
        if (error instanceof ClientLeft) return
        const told = asGatewayError(error)
        if (told.code === 'internal_error') log.error({ err: error }, 'a request failed by our own fault')
        const totalMs = monotonic() - startedAt
        const moment = { requestId, nowMs: clock.now(), totalMs }
        onRefused(refusalOf(request, knownOf(callerOf.addressOf(request), known), told, moment))
        sendError(response, told, headers())
      },
    )

    async function answer(): Promise<string> {
      known = await identify(request)
      return JSON.stringify(await make(known))
    }
  }
}

/** The refusal of requests that no handler takes. */
export function createRefuse({ callerOf, clock, onRefused }: Omit<AnsweredOptions, 'log'>) {
  return function refuse(request: IncomingMessage, response: ServerResponse, error: GatewayError): void {
    discard(request)
    const requestId = randomUUIDv7()
    const moment = { requestId, nowMs: clock.now(), totalMs: 0 }
    onRefused(refusalOf(request, knownOf(callerOf.addressOf(request), null), error, moment))
    const identity = identityHeaders(requestId, clientRequestId(request.headers))
    sendError(response, error, { ...identity, ...timingHeaders(NO_PROGRESS, 0) })
  }
}

function knownOf(address: string, key: KeyRecord | null): Known {
  return { endpoint: null, key, address, model: null, stream: null }
}

function sendError(response: ServerResponse, error: GatewayError, headers: Record<string, string>): void {
  const answer = openAiError(error)
  send(response, answer.status, { ...headers, ...answer.headers }, answer.body)
}

function send(response: ServerResponse, status: number, headers: Record<string, string>, body: string): void {
  const bytes = Buffer.from(body)
  response.writeHead(status, { ...headers, 'content-type': 'application/json', 'content-length': bytes.length })
  response.end(bytes)
}
