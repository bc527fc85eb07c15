import { describe, expect, test } from 'vitest'
import codexTools from './__fixtures__/codex-additional-tools-request.json' with { type: 'json' }
import codex from './__fixtures__/codex-request.json' with { type: 'json' }
import { toChatRequest } from './chat-request.ts'

function chatBody(body: Record<string, unknown>) {
  const translated = toChatRequest({ model: 'm', input: 'hi', ...body })
  if (!translated.ok) throw new Error(`refused: ${translated.param}`)
  return translated.body
}

describe('the whole request', () => {
  test('a turn of Codex becomes a chat request with its history and every tool a chat server can offer', () => {
    expect(chatBody(codex)).toEqual({
      model: 'local/qwen3-32b',
      messages: [
        { role: 'system', content: 'You are a coding agent.\n\n<skills_instructions>none</skills_instructions>' },
        { role: 'user', content: '<environment_context><cwd>/srv/app</cwd></environment_context>' },
        { role: 'user', content: 'list the files' },
        {
          role: 'assistant',
          content: null,
          reasoning_content: 'I should list the files.',
          tool_calls: [
            { id: 'call_00_aa', type: 'function', function: { name: 'exec_command', arguments: '{"cmd":"ls"}' } },
          ],
        },
        {
          role: 'tool',
          tool_call_id: 'call_00_aa',
          content: 'Process exited with code 0\nOutput:\nREADME.md\n',
        },
      ],
      tools: [
        expect.objectContaining({ function: expect.objectContaining({ name: 'exec_command' }) }),
        expect.objectContaining({ function: expect.objectContaining({ name: 'apply_patch' }) }),
        expect.objectContaining({ function: expect.objectContaining({ name: 'multi_agent_v1__close_agent' }) }),
      ],
      tool_choice: 'auto',
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  test('tools that Codex declares in an additional_tools item are offered and its custom calls become function calls', () => {
    const { tools, messages, parallel_tool_calls, reasoning_effort, verbosity } = chatBody(codexTools)
    expect(tools).toMatchObject([
      { function: { name: 'exec' } },
      { function: { name: 'wait' } },
      { function: { name: 'collaboration__list_agents' } },
    ])
    expect(messages).toMatchObject([
      { role: 'system', content: 'You are Codex.' },
      { role: 'user' },
      { tool_calls: [{ id: 'call_1', function: { name: 'exec', arguments: '{"input":"text(\'hi\')"}' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'hi' },
    ])
    expect({ parallel_tool_calls, reasoning_effort, verbosity }).toEqual({
      parallel_tool_calls: false,
      reasoning_effort: 'low',
      verbosity: 'low',
    })
  })

  test('members keep their meaning under their chat names, and null members are left out', () => {
    const body = chatBody({
      instructions: 'Be brief.',
      temperature: 0,
      top_p: 0.5,
      max_output_tokens: 64,
      top_logprobs: 2,
      user: 'u-1',
      reasoning: { effort: 'high', summary: 'auto' },
      text: { verbosity: 'high' },
      previous_response_id: null,
      conversation: null,
      metadata: { a: 'b' },
      store: true,
      truncation: 'auto',
      prompt_cache_key: 'k',
      tools: null,
      stream: false,
    })
    expect(body).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'hi' },
      ],
      temperature: 0,
      top_p: 0.5,
      max_tokens: 64,
      logprobs: true,
      top_logprobs: 2,
      user: 'u-1',
      reasoning_effort: 'high',
      verbosity: 'high',
    })
  })

  test.each([
    [{ type: 'text' }, undefined],
    [{ type: 'json_object' }, { type: 'json_object' }],
    [
      { type: 'json_schema', name: 'city', schema: { type: 'object' }, strict: true },
      { type: 'json_schema', json_schema: { name: 'city', schema: { type: 'object' }, strict: true } },
    ],
  ])('text.format %j becomes response_format %j', (format, expected) => {
    expect(chatBody({ text: { format } }).response_format).toEqual(expected)
  })

  test('logprobs are asked for where the client includes them', () => {
    expect(chatBody({ include: ['message.output_text.logprobs'] })).toMatchObject({ logprobs: true })
    expect(chatBody({ include: ['reasoning.encrypted_content'] })).not.toHaveProperty('logprobs')
  })
})

describe('what has no counterpart is refused by name', () => {
  const user = { role: 'user', content: 'hi' }
  const part = (content: unknown) => ({ input: [{ role: 'user', content: [content] }] })
  test.each<[string, Record<string, unknown>]>([
    ['previous_response_id', { previous_response_id: 'resp_1' }],
    ['conversation', { conversation: { id: 'conv_1' } }],
    ['background', { background: true }],
    ['prompt', { prompt: { id: 'pmpt_1' } }],
    ['moderation', { moderation: { model: 'x' } }],
    ['instructions', { instructions: ['no'] }],
    ['input', { input: undefined }],
    ['input', { input: 7 }],
    ['input[1]', { input: [user, 'text'] }],
    ['input[1].type', { input: [user, { type: 'item_reference', id: 'msg_1' }] }],
    ['input[0].type', { input: [{ type: 'compaction', encrypted_content: 'x' }] }],
    ['input[0].type', { input: [{ id: 'msg_1' }] }],
    ['input[0].role', { input: [{ role: 'critic', content: 'hi' }] }],
    ['input[0].content', { input: [{ role: 'user', content: 1 }] }],
    ['input[0].content[0].type', part({ type: 'input_video' })],
    ['input[0].content[0].text', part({ type: 'input_text' })],
    ['input[0].content[0].file_id', part({ type: 'input_image', file_id: 'file_1' })],
    ['input[0].content[0].file_id', part({ type: 'input_file', file_id: 'file_1' })],
    ['input[0].content[0].file_url', part({ type: 'input_file', file_url: 'https://example.com/a.pdf' })],
    ['input[0].content[0].type', { input: [{ role: 'system', content: [{ type: 'input_image' }] }] }],
    ['input[0].call_id', { input: [{ type: 'function_call', name: 'f', arguments: '{}' }] }],
    ['input[0].arguments', { input: [{ type: 'function_call', name: 'f', call_id: 'c', arguments: {} }] }],
    ['input[0].call_id', { input: [{ type: 'function_call_output', output: 'x' }] }],
    ['text.format', { text: { format: { type: 'grammar' } } }],
    ['tools', { tools: {} }],
    ['tools[0]', { tools: ['web_search'] }],
    ['tools[0].name', { tools: [{ type: 'function' }] }],
    ['tools[0].tools[0].name', { tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'function' }] }] }],
    ['input[0].tools[0].name', { input: [{ type: 'additional_tools', tools: [{ type: 'custom' }] }] }],
  ])('%s', (param, body) => {
    expect(toChatRequest({ model: 'm', input: 'hi', ...body })).toEqual({ ok: false, param })
  })
})

describe('messages', () => {
  function messages(input: unknown[], body: Record<string, unknown> = {}) {
    return chatBody({ ...body, input }).messages
  }
  const call = (id: string) => ({ type: 'function_call', call_id: id, name: 'f', arguments: `{"id":"${id}"}` })
  const chatCall = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: `{"id":"${id}"}` } })
  const output = (id: string) => ({ type: 'function_call_output', call_id: id, output: `out ${id}` })
  const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: `out ${id}` })

  test('every instruction joins the one system message at the front, whatever its role and place', () => {
    const input = [
      { role: 'developer', content: 'one' },
      { role: 'user', content: 'hi' },
      { role: 'system', content: [{ type: 'input_text', text: 'two' }] },
    ]
    expect(messages(input, { instructions: 'zero' })).toEqual([
      { role: 'system', content: 'zero\n\none\n\ntwo' },
      { role: 'user', content: 'hi' },
    ])
  })

  test('text and parallel calls of one turn become one message, its results follow at once', () => {
    const spoken = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'wait' }] }
    const turn = [{ role: 'assistant', content: 'wait', tool_calls: [chatCall('a'), chatCall('b')] }]
    const expected = [...turn, result('b'), result('a')]
    expect(messages([spoken, call('a'), call('b'), output('b'), output('a')])).toEqual(expected)
    expect(messages([call('a'), spoken, call('b'), output('b'), output('a')])).toEqual(expected)
  })

  test('what the assistant says between its calls and their results joins what it said before', () => {
    const said = (text: string) => ({ role: 'assistant', content: text })
    expect(messages([said('one'), call('a'), said('two'), output('a')])).toEqual([
      { role: 'assistant', content: 'one\n\ntwo', tool_calls: [chatCall('a')] },
      result('a'),
    ])
  })

  test('calls made one after the other stay turns of their own', () => {
    expect(messages([call('a'), output('a'), call('b'), output('b')])).toEqual([
      { role: 'assistant', content: null, tool_calls: [chatCall('a')] },
      result('a'),
      { role: 'assistant', content: null, tool_calls: [chatCall('b')] },
      result('b'),
    ])
  })

  test('two messages of the assistant stay two', () => {
    const said = (text: string) => ({ role: 'assistant', content: text })
    expect(messages([said('one'), said('two')])).toEqual([said('one'), said('two')])
  })

  test('images a tool returned follow all results of the turn as a user message', () => {
    const image = { type: 'input_image', image_url: 'data:image/png;base64,AA', detail: 'original' }
    const seen = { type: 'function_call_output', call_id: 'a', output: [{ type: 'input_text', text: 'see' }, image] }
    expect(messages([call('a'), call('b'), seen, output('b'), { role: 'user', content: 'so?' }])).toEqual([
      { role: 'assistant', content: null, tool_calls: [chatCall('a'), chatCall('b')] },
      { role: 'tool', tool_call_id: 'a', content: 'see' },
      result('b'),
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } }] },
      { role: 'user', content: 'so?' },
    ])
  })

  test('parts keep their order where not all of them are text, else they are one string', () => {
    const text = (text: string) => ({ type: 'input_text', text })
    const content = [
      text('what is this?'),
      { type: 'input_image', image_url: 'https://example.com/a.png', detail: 'low' },
      { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA' },
    ]
    expect(messages([{ role: 'user', content: [text('a'), text('b')] }])).toEqual([{ role: 'user', content: 'a\nb' }])
    expect(messages([{ role: 'user', content }])).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'what is this?' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA' } },
        ],
      },
    ])
  })

  test('a refusal is what the assistant said', () => {
    const refused = { type: 'message', role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] }
    expect(messages([refused])).toEqual([{ role: 'assistant', content: 'No.' }])
  })

  test('thoughts go back only to the server that asks for them', () => {
    const thought = (id: string) => ({ type: 'reasoning', id, summary: [{ type: 'summary_text', text: 'hm' }] })
    expect(messages([thought('rs_1'), call('a')])).toEqual([
      { role: 'assistant', content: null, tool_calls: [chatCall('a')] },
    ])
    expect(messages([thought('rs_rc_1'), call('a')])).toEqual([
      { role: 'assistant', content: null, reasoning_content: 'hm', tool_calls: [chatCall('a')] },
    ])
  })

  test('calls of tools that a chat server is never offered are left out with their results', () => {
    const input = [
      { role: 'user', content: 'hi' },
      { type: 'web_search_call', id: 'ws_1', status: 'completed' },
      { type: 'local_shell_call', call_id: 'l', action: {} },
      { type: 'local_shell_call_output', id: 'l', output: 'x' },
    ]
    expect(messages(input)).toEqual([{ role: 'user', content: 'hi' }])
  })
})
