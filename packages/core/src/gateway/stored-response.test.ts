import { describe, expect, test } from 'vitest'
import { ShuttingDown } from './client-left.ts'
import type { Candidate } from './ports.ts'
import { relayStored, type StoredCall } from './stored-response.ts'
import { fakeCall, IDLE_MS } from './testing/fake-call.ts'
import { fakeCandidate } from './testing/fake-candidate.ts'
import { settled } from './testing/fake-clock.ts'
import { createFakePorts } from './testing/fake-ports.ts'
import { createFakeResponder } from './testing/fake-responder.ts'

function ask(members: Partial<StoredCall> = {}, candidates: Candidate[] = [fakeCandidate(1), fakeCandidate(2)]) {
  const ports = createFakePorts({ candidates })
  ports.made.set('1 resp_1', { accountId: 2, model: 'asked' })
  const responder = createFakeResponder()
  const client = new AbortController()
  const call: StoredCall = {
    responseId: 'resp_1',
    method: 'GET',
    action: '',
    query: '',
    wantsStream: false,
    headers: { accept: '*/*' },
    caller: fakeCall().caller,
    client: client.signal,
    ...members,
  }
  const answered = relayStored(call, ports, responder)
  answered.catch(() => {})
  return { ports, responder, client, answered }
}

const event = (type: string, number: number) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: number, response: { id: 'resp_1', model: 'up-model' } })}\n\n`

describe('a stored response', () => {
  test.each([
    ['GET', '', '?include=x', '/responses/resp_1?include=x', null],
    ['GET', '/input_items', '', '/responses/resp_1/input_items', null],
    ['DELETE', '', '', '/responses/resp_1', null],
    ['POST', '/cancel', '', '/responses/resp_1/cancel', '{}'],
  ] as const)('is asked for where it was made: %s %s%s', async (method, action, query, path, body) => {
    const { ports, responder, answered } = ask({ method, action, query })
    await settled()
    expect(ports.upstream.last().request).toMatchObject({ candidate: { accountId: 2 }, method, path, body })
    ports.upstream.last().answer({ id: 'resp_1', model: 'up-model' })
    await answered
    expect(responder.wire()).toBe('{"id":"resp_1","model":"asked"}')
    expect(ports.clock.pending()).toBe(0)
  })

  test.each([
    ['nobody knows', { responseId: 'resp_0' }, undefined],
    ['cannot be one', { responseId: '../models' }, undefined],
    ['was made by an account that left', {}, [fakeCandidate(1)]],
    ['was made by a translation', {}, [fakeCandidate(2, { protocol: 'chat' })]],
  ])('whose id %s is not found, and no upstream is asked', async (_, members: Partial<StoredCall>, candidates) => {
    const { ports, answered } = ask(members, candidates)
    await expect(answered).rejects.toMatchObject({
      code: 'response_not_found',
      param: null,
      message: `Response with id '${members.responseId ?? 'resp_1'}' not found.`,
    })
    expect(ports.upstream.calls).toEqual([])
  })

  test('of an account that is out of service cannot be had now', async () => {
    const { answered } = ask({}, [fakeCandidate(2, { blocked: 'disabled' })])
    await expect(answered).rejects.toMatchObject({ code: 'no_available_accounts' })
  })

  test('the upstream’s refusal goes through, its own faults do not', async () => {
    const refused = ask()
    await settled()
    refused.ports.upstream.last().answer({ error: { message: 'gone', code: null } }, 404)
    await refused.answered
    expect(refused.responder.answers).toMatchObject([{ status: 404, body: '{"error":{"message":"gone","code":null}}' }])
    const failed = ask()
    await settled()
    failed.ports.upstream.last().answer({ error: { message: 'key of org-1' } }, 401)
    await expect(failed.answered).rejects.toMatchObject({ code: 'upstream_auth' })
  })

  test('is read again as a stream with one end', async () => {
    const { ports, responder, answered } = ask({ wantsStream: true, query: '?stream=true' })
    await settled()
    ports.upstream.last().stream(event('response.in_progress', 1), event('response.completed', 2), event('late', 3))
    await answered
    expect(responder.wire()).toContain('"model":"asked"')
    expect(responder.wire()).not.toContain('late')
    expect(responder.ends()).toBe(1)
    ports.upstream.last().end()
    expect(ports.clock.pending()).toBe(0)
  })

  test.each([
    ['is cut', 'upstream_invalid_response'],
    ['falls silent', 'upstream_stalled'],
  ] as const)('a stream that %s ends with %s', async (how, code) => {
    const { ports, responder, answered } = ask({ wantsStream: true })
    await settled()
    ports.upstream.last().stream(event('response.output_item.added', 4))
    await settled()
    if (how === 'is cut') ports.upstream.last().error('lost')
    else ports.clock.advance(IDLE_MS)
    await answered
    expect(responder.wire()).toMatch(/event: response\.failed\ndata: .*"sequence_number":5/)
    expect(responder.wire()).toContain(`"code":"${code}"`)
  })

  test('nothing is read on for a caller who left', async () => {
    const { ports, client, answered } = ask()
    await settled()
    client.abort()
    await expect(answered).rejects.toMatchObject({ name: 'ClientLeft' })
    expect(ports.upstream.last().isAborted).toBe(true)
    const streaming = ask({ wantsStream: true })
    await settled()
    streaming.ports.upstream.last().stream(event('response.output_item.added', 0))
    await settled()
    streaming.client.abort()
    await streaming.answered
    expect(streaming.ports.upstream.last().isAborted).toBe(true)
    expect(streaming.ports.clock.pending()).toBe(0)
  })

  test('a caller who stays is told when the server goes', async () => {
    const { client, answered } = ask()
    await settled()
    client.abort(new ShuttingDown())
    await expect(answered).rejects.toMatchObject({ code: 'overloaded' })
  })
})
