import { expect, test } from 'vitest'
import { contentSession } from './content-session.ts'

const user = (content: string) => ({ role: 'user', content })
const chat = { model: 'm', messages: [{ role: 'system', content: 'be kind' }, user('hello')] }

test('a conversation that goes on keeps its session', () => {
  const later = { ...chat, messages: [...chat.messages, { role: 'assistant', content: 'hi' }, user('and now?')] }
  expect(contentSession(later)).toBe(contentSession(chat))
  const responses = { model: 'm', instructions: 'be kind', input: [user('hello')] }
  expect(contentSession({ ...responses, input: [...responses.input, user('more')] })).toBe(contentSession(responses))
})

test.each([
  ['model', { ...chat, model: 'n' }],
  ['instructions', { ...chat, messages: [{ role: 'system', content: 'be brief' }, user('hello')] }],
  ['tools', { ...chat, tools: [{ type: 'function', function: { name: 'f' } }] }],
  ['first words', { ...chat, messages: [chat.messages[0], user('good evening')] }],
])('another %s is another session', (_, body) => {
  expect(contentSession(body)).not.toBe(contentSession(chat))
})

test('whatever is sent has a session', () => {
  for (const body of [{}, { input: 'text' }, { messages: 5 }, { input: [null, 1, 'x'] }]) {
    expect(contentSession(body)).toMatch(/^content [0-9a-f]{64}$/)
  }
})
