import { describe, expect, test } from 'vitest'
import { fakeCandidate } from './testing/fake-candidate.ts'
import { settled } from './testing/fake-clock.ts'
import { chunk, deliver, errorEvent, expectAllReleasedOnce, role, world } from './testing/relay-world.ts'

/** What a caller gets of an upstream that refuses with this. */
async function refused(status: number, body: string, headers: Record<string, string> = {}) {
  const run = world()
  await settled()
  run.ports.upstream.last().answer(body, status, headers)
  await deliver(run.answering, run.responder)
  expectAllReleasedOnce(run.ports)
  return run
}

describe('a refusal of the upstream', () => {
  test.each([
    ['an error of OpenAI’s shape as it is', '{ "error": {"message":"m","code":"c","extra":9007199254740993} }', null],
    ['a flat error in a shape that clients understand', '{"message":"m","secret_host":"10.0.0.7"}', 'm'],
    ['a page of HTML as words of ours', '<html>proxy at 10.0.0.7</html>', 'Upstream request failed'],
    ['nothing as words of ours', '', 'Upstream request failed'],
    ['half an error as words of ours', '{"error":{"message":"m"', 'Upstream request failed'],
  ])('gives the caller %s', async (_, body, message) => {
    const { responder } = await refused(400, body)
    if (message === null) expect(responder.wire()).toBe(body)
    else {
      expect(JSON.parse(responder.wire())).toEqual({
        error: { message, type: 'invalid_request_error', param: null, code: null },
      })
    }
  })

  test('costs nothing, and is recorded under its code, made fit for it', async () => {
    const { ports } = await refused(422, JSON.stringify({ error: { code: `a\u0000${'b'.repeat(300)}` } }))
    expect(ports.ends).toMatchObject([
      {
        outcome: 'rejected_upstream',
        status: 422,
        errorCode: `a?${'b'.repeat(126)}`,
        billedNano: 0,
        priceRule: 'nothing',
        accountId: 1,
      },
    ])
  })

  test('brings none of the upstream’s headers', async () => {
    const { responder } = await refused(404, '{"error":{}}', {
      'set-cookie': 'a=b',
      server: 'x',
      'content-type': 'text/x',
    })
    expect(responder.answers[0]?.headers).toEqual({ 'content-type': 'application/json' })
  })

  test('for a model that one account lacks is asked of another first', async () => {
    const candidates = [1, 2].map((id) => fakeCandidate(id, { priority: id }))
    const run = world({ candidates })
    const missing = '{"error":{"message":"no such model","code":"model_not_found"}}'
    for (let n = 0; n < 2; n++) {
      await settled()
      run.ports.upstream.last().answer(missing, 404)
    }
    await deliver(run.answering, run.responder)
    expect(run.ports.upstream.calls).toHaveLength(2)
    expect(run.responder.wire()).toBe(missing)
    expectAllReleasedOnce(run.ports)
  })
})

describe('an error as the first content of a stream', () => {
  async function failed(events: string[], call: Parameters<typeof world>[1] = {}) {
    const run = world({}, { ...call, body: { stream: true } })
    await settled()
    run.ports.upstream.last().stream(...events)
    await deliver(run.answering, run.responder)
    expectAllReleasedOnce(run.ports)
    return run
  }

  test('goes to the caller with what came before it, and ends his stream', async () => {
    const { ports, responder } = await failed([role, errorEvent('context_length_exceeded')])
    expect(responder.wire()).toBe(role + errorEvent('context_length_exceeded'))
    expect(ports.log).toEqual(['journal start', 'journal end', 'writeLast', 'end'])
    expect(ports.ends).toMatchObject([{ outcome: 'failed', status: 502, errorCode: 'context_length_exceeded' }])
    expect(responder.heads[0]).toMatchObject({ status: 200, headers: { 'content-type': 'text/event-stream' } })
  })

  test('comes under the model’s name the caller used', async () => {
    const { responder } = await failed([chunk({ role: 'assistant' }, { model: 'up-model' }), errorEvent('x')])
    expect(responder.wire()).toContain('"model":"asked"')
  })

  test('is response.failed where it was a bare error', async () => {
    const bare = 'event: error\ndata: {"type":"error","sequence_number":3,"code":"invalid_prompt","message":"no"}\n\n'
    const { responder } = await failed([bare], { protocol: 'responses' })
    expect(responder.wire()).toMatch(/^event: response\.failed\ndata: .*"sequence_number":3.*"invalid_prompt".*\n\n$/)
  })
})

test('an account whose quota is used up is never the caller’s fault, and he hears when another returns', async () => {
  const other = fakeCandidate(2, { priority: 2 })
  const run = world({ candidates: [fakeCandidate(1, { priority: 1 }), other] })
  other.live.health.coolingUntilMs = run.ports.clock.now() + 7_000
  await settled()
  const [first] = run.ports.upstream.calls
  first?.answer({ error: { message: 'pay', code: 'insufficient_quota' } }, 429)
  await expect(run.answering).rejects.toMatchObject({ code: 'no_available_accounts', retryAfterMs: 7_000 })
  expect(run.ports.reports).toEqual([{ accountId: 1, event: { kind: 'payment_required' } }])
  expect(run.ports.ends).toMatchObject([{ outcome: 'exhausted', status: 503 }])
  expectAllReleasedOnce(run.ports)
})
