import { describe, expect, test } from 'vitest'
import { ClientLeft, ShuttingDown } from './client-left.ts'
import type { Admission } from './ports.ts'
import { DRAIN_MS } from './stream-answer.ts'
import { IDLE_MS } from './testing/fake-call.ts'
import { fakeCandidate } from './testing/fake-candidate.ts'
import { settled } from './testing/fake-clock.ts'
import {
  DONE,
  deliver,
  expectAllReleasedOnce,
  FINISH,
  JSON_ANSWER,
  role,
  text,
  two,
  USAGE,
  world,
} from './testing/relay-world.ts'

describe('a whole answer', () => {
  test('is recorded before it goes out, its start before the upstream is asked', async () => {
    const { ports, responder, answering } = world()
    await settled()
    expect(ports.log).toEqual(['journal start'])
    ports.upstream.last().answer(JSON_ANSWER)
    await deliver(answering, responder)
    expect(ports.log).toEqual(['journal start', 'journal end', 'send'])
    expect(JSON.parse(responder.wire())).toEqual(JSON_ANSWER)
    expect(ports.ends).toMatchObject([{ outcome: 'completed', priceRule: 'usage', costNano: 7, billedNano: 14 }])
    expect(ports.outcomes).toEqual(ports.ends)
    expectAllReleasedOnce(ports)
  })

  test.each([
    { hasQueued: true, queueMs: 40, routeMs: 0 },
    { hasQueued: false, queueMs: 0, routeMs: 40 },
  ])('has queued for its slot only where it had to wait for one: $hasQueued', async ({ hasQueued, ...times }) => {
    const admitted = Promise.withResolvers<Admission>()
    const { ports, responder, answering } = world({ admit: () => admitted.promise })
    ports.clock.advance(40)
    admitted.resolve({ rates: null, hasQueued, settleTokens() {}, withdraw() {}, release() {} })
    await settled()
    ports.upstream.last().answer(JSON_ANSWER)
    await deliver(answering, responder)
    expect(ports.ends[0]?.times).toMatchObject(times)
  })

  test('comes from the next account while the first has said nothing', async () => {
    const { ports, responder, answering } = world({ candidates: two() })
    await settled()
    ports.upstream.last().answer({ error: { message: 'no', code: 'x' } }, 500)
    await settled()
    ports.upstream.last().answer(JSON_ANSWER)
    await deliver(answering, responder)
    expect(ports.starts).toHaveLength(1)
    expect(ports.ends[0]?.attempts.map(({ accountId, reason }) => [accountId, reason])).toEqual([
      [1, 'upstream_unavailable'],
      [2, null],
    ])
    expect(responder.answers[0]).toMatchObject({ attempts: 2 })
    expectAllReleasedOnce(ports)
  })

  test('is refused with the last error when every account failed, and no more are asked than may be', async () => {
    const candidates = [1, 2, 3, 4, 5].map((accountId) => fakeCandidate(accountId, { priority: accountId }))
    const { ports, answering } = world({ candidates }, { group: { maxAccountSwitches: 2 } })
    for (let n = 0; n < 3; n++) {
      await settled()
      ports.upstream.last().answer('{}', 503)
    }
    await expect(answering).rejects.toMatchObject({ code: 'upstream_unavailable', progress: { attempts: 3 } })
    expect(ports.upstream.calls).toHaveLength(3)
    expect(ports.ends).toMatchObject([{ outcome: 'exhausted', status: 502, billedNano: 0, priceRule: 'nothing' }])
    expectAllReleasedOnce(ports)
  })

  test('is not sought elsewhere once the budget for extra attempts is used up', async () => {
    const { ports, answering } = world({ candidates: two() })
    for (let n = 0; n < 10; n++) ports.retryBudget.takeExtra(3)
    await settled()
    ports.upstream.last().answer('{}', 503)
    await expect(answering).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(ports.upstream.calls).toHaveLength(1)
    expect(ports.ends[0]?.decision.retryBudgetUsed).toBe(true)
  })

  test('that was refused by the upstream for a fault of the caller goes through as it is', async () => {
    const { ports, responder, answering } = world({ candidates: two() })
    await settled()
    ports.upstream.last().answer('{"error":{"message":"yours","code":"bad"}, "n": 12345678901234567890}', 422)
    await deliver(answering, responder)
    expect(responder.wire()).toBe('{"error":{"message":"yours","code":"bad"}, "n": 12345678901234567890}')
    expect(responder.answers[0]?.status).toBe(422)
    expect(ports.ends).toMatchObject([{ outcome: 'rejected_upstream', status: 422, errorCode: 'bad' }])
    expect(ports.upstream.calls).toHaveLength(1)
  })

  test('that nobody may ask for reaches no upstream and leaves no row', async () => {
    const { ports, answering } = world({}, { models: ['other'] })
    await expect(answering).rejects.toMatchObject({ code: 'model_not_found' })
    expect(ports.log).toEqual([])
    expect(ports.outcomes).toMatchObject([{ errorCode: 'model_not_found', attempts: [] }])
  })

  test('that cannot be journaled is not asked for', async () => {
    const start = () => Promise.reject(new Error('full'))
    const { ports, answering } = world({ journal: { start } })
    await expect(answering).rejects.toMatchObject({ code: 'internal_error' })
    expect(ports.upstream.calls).toEqual([])
    expectAllReleasedOnce(ports)
  })

  test('goes by way of another account where one has no word for what is asked', async () => {
    const candidates = [fakeCandidate(1, { priority: 1, protocol: 'responses' }), ...two().slice(1)]
    const { ports, responder, answering } = world({ candidates }, { body: { n: 2 } })
    await settled()
    ports.upstream.last().answer(JSON_ANSWER)
    await deliver(answering, responder)
    expect(ports.ends).toMatchObject([{ accountId: 2, outcome: 'completed' }])
    expectAllReleasedOnce(ports)
  })
})

describe('a stream', () => {
  const streaming = { body: { stream: true } }

  test('goes through event by event; its outcome is written before the blank line that closes it', async () => {
    const { ports, responder, answering } = world({}, streaming)
    await settled()
    ports.upstream.last().stream(role, text('one '))
    const delivered = deliver(answering, responder)
    await settled()
    expect(responder.wire()).toBe(role + text('one '))
    ports.upstream.last().data(text('two') + FINISH + USAGE + DONE)
    await settled()
    await delivered
    expect(responder.wire()).toBe(role + text('one ') + text('two') + FINISH + DONE)
    expect(ports.log).toEqual(['journal start', 'write', 'writeLast', 'journal end', 'end'])
    expect(ports.ends).toMatchObject([{ outcome: 'completed', priceRule: 'usage', usage: { outputTokens: 2 } }])
    expect(responder.ends()).toBe(1)
    ports.upstream.last().end()
    expectAllReleasedOnce(ports)
  })

  test('changes accounts after a preamble, never after something visible', async () => {
    const { ports, responder, answering } = world({ candidates: two() }, streaming)
    await settled()
    ports.upstream.last().stream(role)
    ports.upstream.last().error('lost')
    await settled()
    ports.upstream.last().stream(role, text('one '))
    const delivered = deliver(answering, responder)
    await settled()
    ports.upstream.last().error('lost')
    await delivered
    expect(ports.upstream.calls).toHaveLength(2)
    expect(responder.wire()).toMatch(/upstream_invalid_response[^\n]*\n\n$/)
    expect(responder.wire()).not.toContain('[DONE]')
    expect(ports.ends).toMatchObject([{ outcome: 'upstream_cut', priceRule: 'delivered', estimated: true }])
    expectAllReleasedOnce(ports)
  })

  test('that falls silent ends with one error event', async () => {
    const { ports, responder, answering } = world({}, streaming)
    await settled()
    ports.upstream.last().stream(role, text('one '))
    const delivered = deliver(answering, responder)
    await settled()
    ports.clock.advance(IDLE_MS)
    await delivered
    expect(responder.wire()).toContain('upstream_stalled')
    expect(responder.ends()).toBe(1)
    expect(ports.ends).toMatchObject([{ outcome: 'upstream_stalled', status: 504 }])
    expect(ports.reports.at(-1)).toEqual({ accountId: 1, event: { kind: 'broken' } })
    expectAllReleasedOnce(ports)
  })

  test('holds the upstream back while its reader does not read', async () => {
    const { ports, responder, answering } = world({}, streaming)
    await settled()
    ports.upstream.last().stream(role, text('one '))
    responder.setReading(false)
    void deliver(answering, responder)
    await settled()
    expect(ports.upstream.last().isPaused).toBe(true)
    ports.clock.advance(IDLE_MS * 2)
    expect(ports.ends).toEqual([])
    responder.setReading(true)
    expect(ports.upstream.last().isPaused).toBe(false)
    ports.upstream.last().data(FINISH + DONE)
    ports.upstream.last().end()
    await settled()
    expect(ports.ends).toMatchObject([{ outcome: 'completed' }])
  })

  test('whose caller leaves is cancelled, paid for what was delivered, and told to nobody', async () => {
    const { ports, client, responder, answering } = world({}, streaming)
    await settled()
    ports.upstream.last().stream(role, text('one two three'))
    const delivered = deliver(answering, responder)
    await settled()
    client.abort()
    await delivered
    expect(ports.upstream.last().isAborted).toBe(true)
    expect(responder.ends()).toBe(0)
    expect(ports.ends).toMatchObject([{ outcome: 'client_closed', status: 499, priceRule: 'delivered' }])
    expect(ports.ends[0]?.usage.outputTokens).toBe(3)
    expectAllReleasedOnce(ports)
  })

  test('whose caller leaves a draining group is read on for its usage, its slots free at once', async () => {
    const { ports, client, responder, answering } = world({}, { ...streaming, group: { onDisconnect: 'drain' } })
    await settled()
    ports.upstream.last().stream(role, text('one '))
    const delivered = deliver(answering, responder)
    await settled()
    client.abort()
    expect(ports.heldNow()).toEqual([])
    expect(ports.upstream.last().isAborted).toBe(false)
    ports.upstream.last().data(text('two') + FINISH + USAGE + DONE)
    await delivered
    expect(ports.ends).toMatchObject([{ outcome: 'client_closed', priceRule: 'usage', usage: { outputTokens: 2 } }])
  })

  test('that a draining group cannot read to its end is given up after 30 s', async () => {
    const { ports, client, responder, answering } = world({}, { ...streaming, group: { onDisconnect: 'drain' } })
    await settled()
    ports.upstream.last().stream(role, text('one '))
    const delivered = deliver(answering, responder)
    await settled()
    client.abort()
    ports.clock.advance(DRAIN_MS)
    await delivered
    expect(ports.upstream.last().isAborted).toBe(true)
    expect(ports.ends).toMatchObject([{ outcome: 'client_closed', priceRule: 'delivered' }])
    expectAllReleasedOnce(ports)
  })

  test('that the server cannot wait for is told so by one event', async () => {
    const { ports, client, responder, answering } = world({}, streaming)
    await settled()
    ports.upstream.last().stream(role, text('one '))
    const delivered = deliver(answering, responder)
    await settled()
    client.abort(new ShuttingDown())
    await delivered
    expect(responder.wire()).toMatch(/"code":"overloaded"[^\n]*\n\n$/)
    expect(ports.ends).toMatchObject([{ outcome: 'failed', status: 503, errorCode: 'overloaded' }])
  })
})

test('a caller who leaves before anything was said cancels the upstream call and pays nothing', async () => {
  const { ports, client, answering } = world()
  await settled()
  ports.upstream.last().sent()
  client.abort()
  await expect(answering).rejects.toThrow(ClientLeft)
  expect(ports.upstream.last().isAborted).toBe(true)
  expect(ports.ends).toMatchObject([{ outcome: 'client_closed', billedNano: 0, estimated: true }])
  expect(ports.ends[0]?.usage.inputTokens).toBeGreaterThan(0)
  expectAllReleasedOnce(ports)
})
