import { createServer, type ServerResponse } from 'node:http'
import { GatewayError, type GatewayErrorCode } from '@turnpike/core/gateway/errors'
import type { WireProtocol } from '@turnpike/core/words'
import { describe, expect, test, vi } from 'vitest'
import { listen } from '../../../shared/listen.ts'
import { createResponder, type HttpResponder } from './responder.ts'

/** What a caller gets of an answer, on a real connection. */
async function answered(
  isCodex: boolean,
  answer: (responder: HttpResponder, response: ServerResponse) => unknown,
  isClosed = false,
): Promise<Response> {
  await using stack = new AsyncDisposableStack()
  const server = createServer((request, response) => {
    request.resume()
    const responder = createResponder({
      response,
      requestId: 'r1',
      clientRequestId: null,
      monotonic: () => performance.now(),
      startedAt: 0,
      keepAliveMs: 10,
      ratesLeft: () => null,
      isCodex: () => isCodex,
      isClosed: () => isClosed,
      onStream() {},
    })
    response.on('close', () => responder.close())
    void answer(responder, response)
  })
  const { port } = await listen(server, '127.0.0.1', 0)
  stack.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  const { status, headers, body } = await fetch(`http://127.0.0.1:${port}/`)
  return new Response(await new Response(body).text(), { status, headers })
}

describe('a refusal for want of money', () => {
  const codes: GatewayErrorCode[] = ['insufficient_balance', 'daily_limit', 'key_spending_limit', 'model_not_priced']

  test.each(codes)('%s is told to a client of the Codex family as a quota that is used up', async (code) => {
    const answer = await answered(true, (responder) => responder.fail(new GatewayError(code)))
    expect(answer.status).toBe(429)
    expect(answer.headers.get('x-should-retry')).toBe('false')
    expect(errorOf(await answer.text())).toMatchObject({
      type: 'insufficient_quota',
      code: 'insufficient_quota',
      message: new GatewayError(code).message,
    })
  })

  test.each(codes)('%s is told to everybody else by the table', async (code) => {
    const answer = await answered(false, (responder) => responder.fail(new GatewayError(code)))
    expect(answer.status).toBe(403)
    expect(answer.headers.get('x-should-retry')).toBe('false')
    expect(errorOf(await answer.text())).toMatchObject({ type: 'billing_error', code })
  })

  /** After the first sign of life there is no status to tell it by. */
  function inStream(protocol: WireProtocol, isCodex: boolean): Promise<Response> {
    return answered(isCodex, async (responder, response) => {
      responder.expectStream(protocol)
      await vi.waitUntil(() => response.headersSent)
      responder.fail(new GatewayError('daily_limit'))
    })
  }

  test.each([
    { isCodex: true, code: 'insufficient_quota' },
    { isCodex: false, code: 'daily_limit' },
  ])('in an open Responses stream is response.failed with $code', async ({ isCodex, code }) => {
    const answer = await inStream('responses', isCodex)
    expect(answer.status).toBe(200)
    const [event, data] = (await answer.text()).replaceAll(': ping\n', '').split('\n')
    expect(event).toBe('event: response.failed')
    expect(JSON.parse(data?.slice('data: '.length) ?? '')).toMatchObject({
      response: { status: 'failed', error: { code, message: 'Daily limit reached' } },
    })
  })

  test.each([
    { isCodex: true, code: 'insufficient_quota', type: 'insufficient_quota' },
    { isCodex: false, code: 'daily_limit', type: 'billing_error' },
  ])('in an open chat stream is one error with $code', async ({ isCodex, code, type }) => {
    const text = (await (await inStream('chat', isCodex)).text()).replaceAll(': ping\n', '')
    expect(JSON.parse(text.slice('data: '.length))).toEqual({
      error: { message: 'Daily limit reached', type, param: null, code },
    })
  })
})

test('clients of the Codex family hear everything else by the table', async () => {
  const answer = await answered(true, (responder) => responder.fail(new GatewayError('queue_full')))
  expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([429, 'true'])
  expect(errorOf(await answer.text())).toMatchObject({ code: 'queue_full' })
})

function errorOf(text: string): unknown {
  return JSON.parse(text).error
}

test.each([
  [true, 'close'],
  [false, 'keep-alive'],
])('an answer is the last of its connection while nobody is admitted any more: %s', async (isClosed, connection) => {
  const answer = await answered(false, (responder) => responder.fail(new GatewayError('model_required')), isClosed)
  expect(answer.headers.get('connection')).toBe(connection)
})
