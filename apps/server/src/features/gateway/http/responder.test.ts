import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { GatewayError, type GatewayErrorCode, NO_PROGRESS } from '@turnpike/core/gateway/errors'
import type { WireProtocol } from '@turnpike/core/words'
import { describe, expect, test, vi } from 'vitest'
import { listen } from '../../../shared/listen.ts'
import { createResponder, type HttpResponder } from './responder.ts'

type Answering = (responder: HttpResponder, response: ServerResponse) => unknown

/** A server on a real connection that answers so. */
async function startAnswering(answer: Answering, { isCodex = false, isClosed = false } = {}) {
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
  return {
    port,
    [Symbol.dispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** What a caller gets of an answer. */
async function answered(isCodex: boolean, answer: Answering, isClosed = false): Promise<Response> {
  using server = await startAnswering(answer, { isCodex, isClosed })
  const { status, headers, body } = await fetch(`http://127.0.0.1:${server.port}/`)
  return new Response(await new Response(body).text(), { status, headers })
}

/** Byte for byte what follows the headers of an answer, up to the end of the connection. */
async function bodyOnTheWire(answer: Answering, requestLine: string): Promise<string> {
  using server = await startAnswering(answer)
  const socket = connect(server.port, '127.0.0.1')
  socket.write(`${requestLine}\r\nhost: here\r\nconnection: close\r\n\r\n`)
  const whole = await text(socket.setEncoding('latin1'))
  return whole.slice(whole.indexOf('\r\n\r\n') + 4)
}

describe('a stream on the wire', () => {
  const head = { ...NO_PROGRESS, status: 200, headers: {} }
  const stream: Answering = (responder) => {
    responder.write('data: 1\n\n', head)
    responder.write(`data: \u00e9\u00ff${'x'.repeat(20)}\n\n`, head)
    responder.writeLast('data: [DONE]\n', head)
    responder.end('\n')
  }

  test('is chunks of whole events, and one last chunk', async () => {
    expect(await bodyOnTheWire(stream, 'GET / HTTP/1.1')).toBe(
      `9\r\ndata: 1\n\n\r\n1e\r\ndata: \u00e9\u00ff${'x'.repeat(20)}\n\n\r\nd\r\ndata: [DONE]\n\r\n1\r\n\n\r\n0\r\n\r\n`,
    )
  })

  test('that ends with nothing more to say has one last chunk all the same', async () => {
    const body = await bodyOnTheWire((responder) => {
      responder.writeLast('', head)
      responder.end('')
    }, 'GET / HTTP/1.1')
    expect(body).toBe('0\r\n\r\n')
  })

  test('has no chunks for a caller of HTTP/1.0', async () => {
    expect(await bodyOnTheWire(stream, 'GET / HTTP/1.0')).toBe(
      `data: 1\n\ndata: \u00e9\u00ff${'x'.repeat(20)}\n\ndata: [DONE]\n\n`,
    )
  })
})

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
      await vi.waitUntil(() => response.headersSent, 20_000)
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
