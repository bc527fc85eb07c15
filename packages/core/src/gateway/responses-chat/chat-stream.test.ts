import { describe, expect, test } from 'vitest'
import everything from './__fixtures__/responses-everything.json' with { type: 'json' }
import { createChatStream } from './chat-stream.ts'

function open(includeUsage = false) {
  return createChatStream({ id: 'chatcmpl-1', model: 'm', createdSeconds: 5, includeUsage })
}

function run(events: unknown[], includeUsage = false) {
  const stream = open(includeUsage)
  const chunks = events.flatMap((event) => stream.push(event))
  return { chunks, ending: stream.ending() }
}

/** Delta and finish reason of each chunk's only choice. */
function deltas(events: unknown[]): unknown[] {
  return run(events).chunks.map((chunk) => {
    const [choice] = Array.isArray(chunk.choices) ? chunk.choices : []
    return choice === undefined ? chunk : choice.finish_reason === null ? choice.delta : choice.finish_reason
  })
}

function completed(response: Record<string, unknown> = {}) {
  return { type: 'response.completed', response: { status: 'completed', output: [], ...response } }
}

describe('the order of chunks', () => {
  test('role first, then thoughts, text and calls as they come, then the finish reason', () => {
    const call = (index: number, members: Record<string, unknown>) => ({ tool_calls: [{ index, ...members }] })
    expect(deltas(everything)).toEqual([
      { role: 'assistant', content: '', reasoning_content: 'Two cities.' },
      { reasoning_content: '\n\nAsk ' },
      { reasoning_content: 'twice.' },
      { content: 'Looking' },
      { content: ' both up.' },
      call(0, { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '' } }),
      call(0, { function: { arguments: '{"city":' } }),
      call(0, { function: { arguments: '"Oslo"}' } }),
      call(1, { id: 'call_b', type: 'custom', custom: { name: 'apply_patch', input: '' } }),
      call(1, { custom: { input: '*** Begin Patch\n' } }),
      call(1, { custom: { input: '*** End Patch' } }),
      'tool_calls',
    ])
  })

  test('every chunk names itself, the model and the time, and says no word of a usage nobody asked for', () => {
    const { chunks, ending } = run(everything)
    expect(ending).toBe('done')
    for (const chunk of chunks) {
      expect(chunk).toMatchObject({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 5, model: 'm' })
      expect(chunk).not.toHaveProperty('usage')
    }
  })

  test('with include_usage the usage is null until one last chunk without choices', () => {
    const { chunks } = run(everything, true)
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: {
        prompt_tokens: 120,
        completion_tokens: 40,
        total_tokens: 160,
        prompt_tokens_details: { cached_tokens: 100 },
        completion_tokens_details: { reasoning_tokens: 20 },
      },
    })
  })

  test('nothing is sent before there is something to say', () => {
    expect(run(everything.slice(0, 4))).toEqual({ chunks: [], ending: null })
  })
})

describe('finish reasons', () => {
  test.each([
    [completed(), 'stop'],
    [
      {
        type: 'response.incomplete',
        response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
      },
      'length',
    ],
    [
      {
        type: 'response.incomplete',
        response: { status: 'incomplete', incomplete_details: { reason: 'content_filter' } },
      },
      'content_filter',
    ],
    [{ type: 'response.incomplete', response: { status: 'incomplete' } }, 'length'],
  ])('%j ends with %s', (event, reason) => {
    expect(deltas([{ type: 'response.output_text.delta', output_index: 0, delta: 'x' }, event])).toEqual([
      { role: 'assistant', content: 'x' },
      reason,
    ])
  })
})

describe('upstreams that leave out events', () => {
  const message = {
    type: 'message',
    content: [
      { type: 'output_text', text: 'Hello' },
      { type: 'refusal', refusal: 'No.' },
    ],
  }
  const call = { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' }
  const all = [
    { role: 'assistant', content: 'Hello' },
    { refusal: 'No.' },
    { tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }] },
    { tool_calls: [{ index: 0, function: { arguments: '{}' } }] },
    'tool_calls',
  ]

  test('items that come whole are sent whole, and only once', () => {
    const done = [message, call].map((item, output_index) => ({
      type: 'response.output_item.done',
      output_index,
      item,
    }))
    expect(deltas([...done, completed({ output: [message, call] })])).toEqual(all)
  })

  test('output that only the final response tells is sent from there', () => {
    expect(deltas([completed({ output: [message, call] })])).toEqual(all)
  })

  test('the rest of a text that broke off is sent from its item', () => {
    const delta = { type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'Hel' }
    expect(deltas([delta, { type: 'response.output_item.done', output_index: 0, item: message }])).toEqual([
      { role: 'assistant', content: 'Hel' },
      { content: 'lo' },
      { refusal: 'No.' },
    ])
  })

  test('arguments of a call that was never announced wait for its item', () => {
    const delta = { type: 'response.function_call_arguments.delta', output_index: 0, delta: '{' }
    expect(deltas([delta, { type: 'response.output_item.done', output_index: 0, item: call }])).toEqual([
      { role: 'assistant', content: null, tool_calls: [expect.objectContaining({ id: 'a' })] },
      { tool_calls: [{ index: 0, function: { arguments: '{}' } }] },
    ])
  })

  test('log probabilities go with their text', () => {
    const logprobs = [{ token: 'x', logprob: -1, bytes: [], top_logprobs: [] }]
    const { chunks } = run([{ type: 'response.output_text.delta', output_index: 0, delta: 'x', logprobs }])
    expect(chunks).toMatchObject([{ choices: [{ logprobs: { content: logprobs, refusal: null } }] }])
  })
})

describe('failures', () => {
  const failure = { message: 'boom', type: 'upstream_error', param: null, code: 'server_error' }
  test.each([
    { type: 'response.failed', response: { status: 'failed', error: { code: 'server_error', message: 'boom' } } },
    { type: 'error', code: 'server_error', message: 'boom', param: null },
    { type: 'error', error: { type: 'server_error', message: 'boom' } },
  ])('%j ends with a nested error and nothing behind it', (event) => {
    const { chunks, ending } = run([event, completed()])
    expect(chunks).toEqual([{ error: failure }])
    expect(ending).toBe('failed')
  })

  test('a failure without words is still an error', () => {
    expect(run([{ type: 'response.cancelled', response: {} }]).chunks).toMatchObject([
      { error: { message: 'The upstream reported an error', code: null } },
    ])
  })

  test('the caller may break off, once', () => {
    const stream = open()
    expect(stream.fail({ code: 'server_error', message: 'boom' })).toEqual([{ error: failure }])
    expect(stream.fail({ code: 'other', message: 'again' })).toEqual([])
    expect(stream.ending()).toBe('failed')
  })
})

test.each([
  null,
  'text',
  [],
  {},
  { type: 'response.of_next_year', delta: 'x' },
  { type: 'response.output_text.delta', output_index: 0, delta: 7 },
  { type: 'response.output_item.done', output_index: 5, item: null },
  {
    type: 'response.output_item.done',
    output_index: 5,
    item: { type: 'message', content: [null, { type: 'output_text' }] },
  },
])('an odd event %j adds nothing and breaks nothing', (event) => {
  expect(deltas([event, completed()])).toEqual(['stop'])
})
