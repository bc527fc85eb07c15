import { describe, expect, test } from 'vitest'
import { GatewayError } from './errors.ts'
import type { Candidate } from './ports.ts'
import { findMaker, isResponseId } from './response-maker.ts'
import { fakeCall } from './testing/fake-call.ts'
import { fakeCandidate } from './testing/fake-candidate.ts'
import { settled } from './testing/fake-clock.ts'
import { createFakePorts } from './testing/fake-ports.ts'
import { deliver, world } from './testing/relay-world.ts'

const RESPONSE = { id: 'resp_1', output: [], usage: { input_tokens: 1, output_tokens: 1 } }

function find(responseId: string, candidates: Candidate[] = [fakeCandidate(1), fakeCandidate(2)]) {
  const ports = createFakePorts({ candidates })
  ports.made.set('1 resp_1', { accountId: 2, model: 'asked' })
  ports.made.set('9 resp_9', { accountId: 2, model: 'asked' })
  return findMaker(fakeCall({ protocol: 'responses' }), responseId, ports).catch((error: unknown) => {
    if (!(error instanceof GatewayError)) throw error
    return { code: error.code, param: error.param, message: error.message }
  })
}

function unknown(id: string) {
  const message = `Previous response with id '${id}' not found.`
  return { code: 'previous_response_not_found', param: 'previous_response_id', message }
}

describe('who made a response', () => {
  test('is told to its owner', async () => {
    expect(await find('resp_1')).toBe(2)
  })

  test.each([
    ['nobody knows', 'resp_0'],
    ["is another user's", 'resp_9'],
    ['cannot be one', '../resp_1'],
  ])('is nobody where the id %s', async (_, id) => {
    expect(await find(id)).toEqual(unknown(id))
  })

  test('is nobody where the account serves the group no more', async () => {
    expect(await find('resp_1', [fakeCandidate(1)])).toEqual(unknown('resp_1'))
  })

  test('is not asked where every account is spoken to in chat: the translation refuses the parameter', async () => {
    expect(await find('resp_0', [fakeCandidate(1, { protocol: 'chat' })])).toBeNull()
  })

  test('a hostile id is cut and made printable', async () => {
    expect(await find(`é\n${'x'.repeat(500)}`)).toEqual(unknown(`??${'x'.repeat(126)}`))
  })
})

test.each([
  ['resp_0123abc', true],
  ['chatcmpl-1.2:3_4', true],
  ['x'.repeat(128), true],
  ['x'.repeat(129), false],
  ['', false],
  ['..', false],
  ['a/b', false],
  ['a?b', false],
  ['a b', false],
  ['a%2fb', false],
  ['é', false],
])('%j could be the id of a response: %s', (id, expected) => {
  expect(isResponseId(id)).toBe(expected)
})

describe('a response is remembered', () => {
  async function answered(body: object, protocol: 'chat' | 'responses' = 'responses') {
    const run = world({}, { protocol, body })
    await settled()
    run.ports.upstream.last().answer(RESPONSE)
    await deliver(run.answering, run.responder)
    return run.ports.made
  }

  test('for the user, with its account and the model as he named it', async () => {
    expect([...(await answered({}))]).toEqual([['1 resp_1', { accountId: 1, model: 'asked' }]])
  })

  test('unless it is not stored, or no response', async () => {
    expect((await answered({ store: false })).size).toBe(0)
    expect((await answered({}, 'chat')).size).toBe(0)
  })

  test('before its id goes out in a stream', async () => {
    const run = world({}, { protocol: 'responses', body: { stream: true } })
    await settled()
    const event = (type: string) => `event: ${type}\ndata: ${JSON.stringify({ type, response: RESPONSE })}\n\n`
    run.ports.responses.remember = () => void run.ports.log.push('remember')
    run.ports.upstream.last().stream(event('response.created'), event('response.completed'))
    await deliver(run.answering, run.responder)
    expect(run.ports.log.filter((what) => what !== 'journal start')).toEqual([
      'remember',
      'writeLast',
      'journal end',
      'end',
    ])
  })
})
