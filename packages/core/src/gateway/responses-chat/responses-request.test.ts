import { describe, expect, test } from 'vitest'
import { toResponsesRequest } from './responses-request.ts'

const messages = [{ role: 'user', content: 'hi' }]

function responsesBody(body: Record<string, unknown>) {
  const translated = toResponsesRequest({ model: 'm', messages, ...body })
  if (!translated.ok) throw new Error(`refused: ${translated.param}`)
  return translated.body
}

describe('the whole request', () => {
  test('members keep their meaning under their Responses names and nothing is stored', () => {
    const body = responsesBody({
      temperature: 0,
      top_p: 1,
      max_completion_tokens: 100,
      max_tokens: 50,
      reasoning_effort: 'low',
      verbosity: 'high',
      logprobs: true,
      top_logprobs: 3,
      parallel_tool_calls: false,
      prompt_cache_key: 'k',
      service_tier: 'flex',
      user: 'u',
      metadata: { a: 'b' },
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
      n: 1,
      stop: [],
      logit_bias: {},
      frequency_penalty: 0,
      presence_penalty: null,
      modalities: ['text'],
      seed: 7,
      store: true,
      top_k: 40,
      tools: [],
    })
    expect(body).toEqual({
      model: 'm',
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }],
      temperature: 0,
      top_p: 1,
      max_output_tokens: 100,
      reasoning: { effort: 'low' },
      text: { verbosity: 'high' },
      include: ['message.output_text.logprobs'],
      top_logprobs: 3,
      parallel_tool_calls: false,
      prompt_cache_key: 'k',
      service_tier: 'flex',
      user: 'u',
      metadata: { a: 'b' },
      stream: true,
      stream_options: { include_obfuscation: false },
      store: false,
    })
  })

  test('the old name of the output limit counts where the new one is absent', () => {
    expect(responsesBody({ max_tokens: 50 })).toMatchObject({ max_output_tokens: 50 })
  })

  test.each([
    [{ type: 'text' }, { type: 'text' }],
    [{ type: 'json_object' }, { type: 'json_object' }],
    [
      { type: 'json_schema', json_schema: { name: 'city', schema: { type: 'object' }, strict: true } },
      { type: 'json_schema', name: 'city', schema: { type: 'object' }, strict: true },
    ],
    [
      { type: 'json_schema', json_schema: { name: 'any' } },
      { type: 'json_schema', name: 'any', schema: { type: 'object' }, strict: false },
    ],
  ])('response_format %j becomes text.format %j', (response_format, format) => {
    expect(responsesBody({ response_format }).text).toEqual({ format })
  })
})

describe('tools', () => {
  const weather = { type: 'function', function: { name: 'weather', description: 'd', parameters: { type: 'object' } } }
  const grammar = { definition: '[a-z]+', syntax: 'regex' }

  test('move one level up, and a function is not strict unless it says so', () => {
    const custom = { type: 'custom', custom: { name: 'patch', format: { type: 'grammar', grammar } } }
    expect(responsesBody({ tools: [weather, { type: 'function', function: { name: 'now' } }, custom] }).tools).toEqual([
      { type: 'function', name: 'weather', description: 'd', parameters: { type: 'object' }, strict: false },
      { type: 'function', name: 'now', parameters: { type: 'object', properties: {} }, strict: false },
      { type: 'custom', name: 'patch', format: { type: 'grammar', ...grammar } },
    ])
  })

  test.each([
    ['required', 'required'],
    [
      { type: 'function', function: { name: 'weather' } },
      { type: 'function', name: 'weather' },
    ],
    [
      { type: 'custom', custom: { name: 'patch' } },
      { type: 'custom', name: 'patch' },
    ],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [weather] } },
      { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'weather' }] },
    ],
  ])('tool_choice %j becomes %j', (tool_choice, expected) => {
    expect(responsesBody({ tools: [weather], tool_choice }).tool_choice).toEqual(expected)
  })
})

describe('messages', () => {
  test('a conversation with parallel calls and their results becomes items in the same order', () => {
    const conversation = [
      { role: 'system', content: 'Be brief.' },
      { role: 'developer', content: [{ type: 'text', text: 'Very.' }] },
      {
        role: 'user',
        name: 'ann',
        content: [
          { type: 'text', text: 'see' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA' } },
        ],
      },
      {
        role: 'assistant',
        content: 'Both.',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'weather', arguments: '{}' } },
          { id: 'b', type: 'custom', custom: { name: 'patch', input: 'x' } },
        ],
      },
      { role: 'tool', tool_call_id: 'b', content: 'done' },
      { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'sun' }] },
      { role: 'assistant', content: null, refusal: 'No.' },
      { role: 'assistant', content: '' },
    ]
    expect(responsesBody({ messages: conversation }).input).toEqual([
      { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Be brief.' }] },
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Very.' }] },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'see' },
          { type: 'input_image', image_url: 'https://example.com/a.png', detail: 'auto' },
          { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA' },
        ],
      },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Both.' }] },
      { type: 'function_call', call_id: 'a', name: 'weather', arguments: '{}' },
      { type: 'custom_tool_call', call_id: 'b', name: 'patch', input: 'x' },
      { type: 'custom_tool_call_output', call_id: 'b', output: 'done' },
      { type: 'function_call_output', call_id: 'a', output: [{ type: 'input_text', text: 'sun' }] },
      { type: 'message', role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
    ])
  })
})

describe('what has no counterpart is refused by name', () => {
  const said = (message: unknown) => ({ messages: [message] })
  test.each<[string, Record<string, unknown>]>([
    ['n', { n: 2 }],
    ['stop', { stop: 'END' }],
    ['stop', { stop: ['END'] }],
    ['logit_bias', { logit_bias: { 50256: -100 } }],
    ['frequency_penalty', { frequency_penalty: 0.5 }],
    ['presence_penalty', { presence_penalty: -1 }],
    ['modalities', { modalities: ['text', 'audio'] }],
    ['audio', { audio: { voice: 'alloy', format: 'wav' } }],
    ['web_search_options', { web_search_options: {} }],
    ['functions', { functions: [{ name: 'f' }] }],
    ['function_call', { function_call: 'auto' }],
    ['response_format', { response_format: { type: 'xml' } }],
    ['tools', { tools: 'all' }],
    ['tools[0].type', { tools: [{ type: 'web_search' }] }],
    ['tools[0].function.name', { tools: [{ type: 'function', function: {} }] }],
    ['tool_choice', { tool_choice: { type: 'web_search' } }],
    ['messages', { messages: undefined }],
    ['messages[0]', said('hi')],
    ['messages[0].role', said({ role: 'function', name: 'f', content: 'x' })],
    ['messages[0].content[0].type', said({ role: 'user', content: [{ type: 'input_audio' }] })],
    ['messages[0].content[0].image_url.url', said({ role: 'user', content: [{ type: 'image_url', image_url: {} }] })],
    ['messages[0].function_call', said({ role: 'assistant', function_call: { name: 'f', arguments: '' } })],
    ['messages[0].audio', said({ role: 'assistant', audio: { id: 'a' } })],
    ['messages[0].tool_calls[0].id', said({ role: 'assistant', tool_calls: [{ type: 'function' }] })],
    ['messages[0].tool_calls[0].type', said({ role: 'assistant', tool_calls: [{ id: 'a', type: 'mcp' }] })],
    ['messages[0].tool_call_id', said({ role: 'tool', content: 'x' })],
  ])('%s', (param, body) => {
    expect(toResponsesRequest({ model: 'm', messages, ...body })).toEqual({ ok: false, param })
  })
})
