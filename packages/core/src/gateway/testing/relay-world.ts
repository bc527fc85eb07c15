import { expect } from 'vitest'
import type { Answer } from '../answer.ts'
import { relay } from '../relay.ts'
import { fakeCall } from './fake-call.ts'
import { fakeCandidate } from './fake-candidate.ts'
import { settled } from './fake-clock.ts'
import { createFakePorts, type FakePorts } from './fake-ports.ts'
import { createFakeResponder } from './fake-responder.ts'

export const role = chunk({ role: 'assistant', content: '' })
export const DONE = 'data: [DONE]\n\n'

export function chunk(delta: object, more: object = {}): string {
  return `data: ${JSON.stringify({ id: 'c1', choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`
}

export function text(content: string): string {
  return chunk({ content })
}

export const FINISH = `data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n`
export const USAGE = `data: {"id":"c1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n`
export const JSON_ANSWER = {
  id: 'c1',
  choices: [{ message: { content: 'four words of answer' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 4 },
}

export const two = () => [fakeCandidate(1, { priority: 1 }), fakeCandidate(2, { priority: 2 })]

export function world(options: Parameters<typeof createFakePorts>[0] = {}, call: Parameters<typeof fakeCall>[0] = {}) {
  const ports = createFakePorts({ candidates: [fakeCandidate(1)], ...options })
  const client = new AbortController()
  const responder = createFakeResponder((what) => void ports.log.push(what))
  const answering = relay(fakeCall({ client: client.signal, ...call }), ports)
  // Looked at later; a refusal must not count as unhandled meanwhile.
  answering.catch(() => {})
  return { ports, client, responder, answering }
}

export async function deliver(
  answering: Promise<Answer>,
  responder: ReturnType<typeof createFakeResponder>,
): Promise<void> {
  using answer = await answering
  await answer.deliver(responder)
}

export function expectAllReleasedOnce(ports: FakePorts): void {
  expect(ports.leases.length).toBeGreaterThan(0)
  expect(ports.leases.map(({ releases }) => releases)).toEqual(ports.leases.map(() => 1))
  expect(ports.clock.pending()).toBe(0)
}

export function errorEvent(code: string): string {
  return `data: {"error":{"message":"theirs","type":"t","param":null,"code":"${code}"}}\n\n`
}

/** A chat stream that flows: its role and its first words are out. */
export async function flowing(call: Parameters<typeof world>[1] = {}) {
  const run = world({}, { ...call, body: { stream: true, ...call.body } })
  await settled()
  const upstream = run.ports.upstream.last()
  upstream.stream(role, text('one two '))
  const delivered = deliver(run.answering, run.responder)
  await settled()
  return { ...run, upstream, delivered }
}
