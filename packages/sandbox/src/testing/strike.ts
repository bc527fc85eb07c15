import type { FaultInput } from '../fault.ts'
import type { Sandbox } from '../sandbox.ts'
import { rawRequest, unchunk } from './raw-request.ts'

const PROMPT = '[[sandbox: text="one two thrée four"]]'

export const CHAT = { model: 'm', messages: [{ role: 'user', content: PROMPT }] }
export const CHAT_STREAM = { ...CHAT, stream: true, stream_options: { include_usage: true } }
export const RESPONSES_STREAM = { model: 'm', input: PROMPT, stream: true }

/** Sets a fault on the sandbox and returns what a request then meets, byte for byte. */
export function createStrike(sandbox: () => Sandbox) {
  return async function struck(fault: FaultInput, body: object, path = '/v1/chat/completions', patienceMs = 5_000) {
    sandbox().setFault(fault)
    const answer = await rawRequest({ port: sandbox().port, path, body, patienceMs })
    const status = Number(answer.head.split(' ')[1])
    const isChunked = /transfer-encoding: chunked/i.test(answer.head)
    const { body: data, isComplete } = isChunked ? unchunk(answer.rest) : { body: answer.rest, isComplete: true }
    return { ...answer, status, data, text: data.toString(), isComplete }
  }
}

/** The events of a stream, and comments too. */
export function events(text: string): string[] {
  return text.split('\n\n').filter((event) => event !== '')
}

/** The JSON of an event. */
export function dataOf(event: string | undefined) {
  return JSON.parse(event?.slice(event.indexOf('{')) ?? '')
}
