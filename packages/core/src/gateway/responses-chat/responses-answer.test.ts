import { expect, test } from 'vitest'
import codex from './__fixtures__/codex-request.json' with { type: 'json' }
import { toResponsesAnswer } from './responses-answer.ts'

function answer(chatAnswer: unknown, changes: object = {}) {
  const requestBody = { ...codex, stream: false, ...changes }
  const context = { responseId: 'resp_1', requestBody, model: 'm', createdAtSeconds: 5, completedAtSeconds: 9 }
  return toResponsesAnswer(chatAnswer, { ...context, newId: () => 'n' })
}

function completion(message: Record<string, unknown>, finish_reason = 'stop') {
  const usage = { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 }
  return { id: 'chatcmpl-1', object: 'chat.completion', choices: [{ index: 0, message, finish_reason }], usage }
}

test('a whole answer becomes a response with thoughts, text and calls', () => {
  const tool_calls = [
    { id: 'a', type: 'function', function: { name: 'exec_command', arguments: '{"cmd":"ls"}' } },
    { id: 'b', type: 'function', function: { name: 'apply_patch', arguments: '{"input":"*** Begin"}' } },
  ]
  const message = { role: 'assistant', content: 'On it.', reasoning_content: 'hm', tool_calls }
  expect(answer(completion(message, 'tool_calls'))).toMatchObject({
    kind: 'answer',
    body: {
      id: 'resp_1',
      object: 'response',
      status: 'completed',
      completed_at: 9,
      model: 'm',
      output: [
        { id: 'rs_rc_n', type: 'reasoning', summary: [{ text: 'hm' }] },
        { type: 'message', status: 'completed', content: [{ type: 'output_text', text: 'On it.' }] },
        { type: 'function_call', call_id: 'a', name: 'exec_command', arguments: '{"cmd":"ls"}' },
        { type: 'custom_tool_call', call_id: 'b', name: 'apply_patch', input: '*** Begin' },
      ],
      usage: { input_tokens: 10, output_tokens: 4, total_tokens: 14 },
    },
  })
})

test('a function is repeated with the members every client expects of it, other tools as they came', () => {
  const search = { type: 'web_search' }
  const bare = { type: 'function', name: 'now' }
  const whole = { type: 'function', name: 'weather', parameters: { type: 'object' }, strict: true }
  expect(answer(completion({ role: 'assistant', content: 'Hi' }), { tools: [bare, whole, search] })).toMatchObject({
    body: { tools: [{ ...bare, parameters: null, strict: false }, whole, search] },
  })
})

test('an answer cut at the limit is incomplete', () => {
  expect(answer(completion({ role: 'assistant', content: 'Once' }, 'length'))).toMatchObject({
    body: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
  })
})

test.each([
  [{ error: { message: 'boom', type: 'server_error', code: 500 } }, { code: 'server_error', message: 'boom' }],
  [{ error: { message: 'boom', code: 'bad' } }, { code: 'bad', message: 'boom' }],
  [{ error: 'boom' }, { code: null, message: 'boom' }],
  [{ error: {} }, { code: null, message: 'The upstream reported an error' }],
])('%j is the failure of the upstream', (body, failure) => {
  expect(answer(body)).toEqual({ kind: 'failed', failure })
})

test.each([null, 'ok', [], {}, { choices: [] }, { choices: [{ index: 0 }] }, { choices: 'none' }])(
  '%j is no chat answer',
  (body) => {
    expect(answer(body)).toEqual({ kind: 'invalid' })
  },
)
