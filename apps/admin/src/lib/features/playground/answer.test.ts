import { expect, test } from 'vitest'
import { bodyOf, modelsIn, type Question, stepOfBody, stepOfEvent } from './answer.ts'

const QUESTION: Question = { askedBy: 'chat/completions', model: 'm', instructions: ' ', text: 'Hi', stream: true }

function event(data: unknown) {
  return { event: 'message', data: typeof data === 'string' ? data : JSON.stringify(data) }
}

test('blank instructions are none', () => {
  expect(bodyOf(QUESTION)).toEqual({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true })
  expect(bodyOf({ ...QUESTION, askedBy: 'responses' })).toEqual({ model: 'm', input: 'Hi', stream: true })
})

test('instructions go where each protocol has them', () => {
  expect(bodyOf({ ...QUESTION, instructions: 'Be brief' })).toMatchObject({
    messages: [{ role: 'system', content: 'Be brief' }, { role: 'user' }],
  })
  expect(bodyOf({ ...QUESTION, instructions: 'Be brief', askedBy: 'responses' })).toMatchObject({
    instructions: 'Be brief',
  })
})

test('text is read from the events of either protocol, and nothing else is shown as text', () => {
  const chat = { choices: [{ delta: { content: 'Hel' } }] }
  expect(stepOfEvent('chat/completions', event(chat))).toEqual({ kind: 'text', text: 'Hel' })
  expect(stepOfEvent('chat/completions', event({ choices: [{ delta: { role: 'assistant' } }] }))).toBeNull()
  expect(stepOfEvent('chat/completions', event({ choices: [] }))).toBeNull()
  expect(stepOfEvent('chat/completions', event('[DONE]'))).toBeNull()
  const delta = { type: 'response.output_text.delta', delta: 'lo' }
  expect(stepOfEvent('responses', event(delta))).toEqual({ kind: 'text', text: 'lo' })
  expect(stepOfEvent('responses', event({ type: 'response.output_text.done', text: 'Hello' }))).toBeNull()
  expect(stepOfEvent('responses', event({ type: 'response.completed', response: { error: null } }))).toBeNull()
})

test('an error in a stream is told in the gateway’s words', () => {
  const error = { code: 'upstream_cut', type: 'server_error', message: 'The upstream broke off' }
  expect(stepOfEvent('chat/completions', event({ error }))).toEqual({ kind: 'error', error })
  const failed = { type: 'response.failed', response: { status: 'failed', error: { code: 'x', message: 'No' } } }
  expect(stepOfEvent('responses', event(failed))).toEqual({
    kind: 'error',
    error: { code: 'x', type: null, message: 'No' },
  })
})

test('a whole body is its text, its error, or shown as it is', () => {
  expect(stepOfBody('chat/completions', '{"choices":[{"message":{"content":"Hi"}}]}')).toEqual({
    kind: 'text',
    text: 'Hi',
  })
  const output = { output: [{ type: 'reasoning' }, { content: [{ type: 'output_text', text: 'a' }, { text: 'b' }] }] }
  expect(stepOfBody('responses', JSON.stringify(output))).toEqual({ kind: 'text', text: 'ab' })
  expect(stepOfBody('responses', '{"error":{"message":"No","code":"c","type":"t"}}')).toMatchObject({ kind: 'error' })
  expect(stepOfBody('responses', '<html>')).toEqual({ kind: 'text', text: '<html>' })
})

test('models are listed by their ids', () => {
  expect(modelsIn('{"data":[{"id":"a"},{"id":"b"},{}]}')).toEqual(['a', 'b'])
  expect(modelsIn('no list')).toEqual([])
})
