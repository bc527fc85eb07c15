import { expect, test } from 'vitest'
import everything from './__fixtures__/responses-everything.json' with { type: 'json' }
import { toChatAnswer } from './chat-answer.ts'

const context = { id: 'chatcmpl-1', model: 'm', createdSeconds: 5 }
const whole = everything.at(-1)?.response

test('a whole response becomes one choice with thoughts, text and calls', () => {
  expect(toChatAnswer(whole, context)).toEqual({
    kind: 'answer',
    body: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 5,
      model: 'm',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'Looking both up.',
            refusal: null,
            reasoning_content: 'Two cities.\n\nAsk twice.',
            tool_calls: [
              { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
              {
                id: 'call_b',
                type: 'custom',
                custom: { name: 'apply_patch', input: '*** Begin Patch\n*** End Patch' },
              },
            ],
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
      ],
      usage: {
        prompt_tokens: 120,
        completion_tokens: 40,
        total_tokens: 160,
        prompt_tokens_details: { cached_tokens: 100, cache_write_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 20 },
      },
    },
  })
})

test('output that chat has no word for is left out, a refusal is kept apart from text', () => {
  const logprobs = [{ token: 'a', logprob: -1, bytes: [], top_logprobs: [] }]
  const output = [
    { type: 'web_search_call', id: 'ws_1' },
    {
      type: 'message',
      content: [
        { type: 'output_text', text: 'a', logprobs },
        { type: 'refusal', refusal: 'No.' },
      ],
    },
    null,
  ]
  expect(toChatAnswer({ status: 'completed', output }, context)).toMatchObject({
    body: {
      choices: [
        {
          message: { content: 'a', refusal: 'No.' },
          logprobs: { content: logprobs, refusal: null },
          finish_reason: 'stop',
        },
      ],
    },
  })
})

test.each([
  ['max_output_tokens', 'length'],
  ['content_filter', 'content_filter'],
])('an answer that stopped for %s finishes with %s', (reason, finish_reason) => {
  const answer = { status: 'incomplete', incomplete_details: { reason }, output: [] }
  expect(toChatAnswer(answer, context)).toMatchObject({
    body: { choices: [{ message: { content: null }, finish_reason }] },
  })
})

test('a failed response is the failure of the upstream, whether it says why or not', () => {
  const error = { code: 'server_error', message: 'boom' }
  expect(toChatAnswer({ status: 'failed', error, output: [] }, context)).toEqual({ kind: 'failed', failure: error })
  expect(toChatAnswer({ status: 'failed', error: null, output: [] }, context)).toMatchObject({ kind: 'failed' })
})

test.each([
  null,
  'ok',
  [],
  {},
  { output: 'x' },
  { status: 'in_progress', output: [] },
  { status: 'queued', output: [] },
])('%j is no finished response', (body) => {
  expect(toChatAnswer(body, context)).toEqual({ kind: 'invalid' })
})
