import { describe, expect, test } from 'vitest'
import codexTools from './__fixtures__/codex-additional-tools-request.json' with { type: 'json' }
import codex from './__fixtures__/codex-request.json' with { type: 'json' }
import deepseek from './__fixtures__/deepseek-reasoning-tool.json' with { type: 'json' }
import cut from './__fixtures__/llamacpp-cut.json' with { type: 'json' }
import mistral from './__fixtures__/mistral-thinking-parts.json' with { type: 'json' }
import ollama from './__fixtures__/ollama-tools-without-index.json' with { type: 'json' }
import vllmTools from './__fixtures__/vllm-reasoning-tools.json' with { type: 'json' }
import vllmText from './__fixtures__/vllm-text.json' with { type: 'json' }
import { createResponsesStream, type ResponsesEvent } from './responses-stream.ts'
import { objectsOf } from './translated.ts'

function open(requestBody: Record<string, unknown> = {}) {
  let ids = 0
  const newId = () => String(++ids)
  return createResponsesStream({ responseId: 'resp_1', requestBody, model: 'm', createdAtSeconds: 5, newId })
}

function run(chunks: unknown[], requestBody?: Record<string, unknown>): ResponsesEvent[] {
  const stream = open(requestBody)
  return [...chunks.flatMap((chunk) => stream.push(chunk)), ...stream.finish(9)]
}

function delta(members: Record<string, unknown>, finish_reason: string | null = null) {
  return { choices: [{ index: 0, delta: members, finish_reason }] }
}

function calls(...tool_calls: Record<string, unknown>[]) {
  return delta({ tool_calls })
}

/** Type and the members that place an event, in one line. */
function outline({ type, output_index, content_index, summary_index, delta: text }: ResponsesEvent): string {
  const place = [output_index, content_index ?? summary_index].filter((index) => index !== undefined).join('.')
  return [type.replace('response.', ''), place, text].filter((word) => word !== undefined && word !== '').join(' ')
}

function response(events: ResponsesEvent[]): Record<string, unknown> {
  const last = events.at(-1)?.response
  return typeof last === 'object' && last !== null ? { ...last } : {}
}

describe('the grammar of events', () => {
  test('text: the message is announced, filled and closed before the response completes', () => {
    const events = run(vllmText)
    expect(events.map(outline)).toEqual([
      'created',
      'in_progress',
      'output_item.added 0',
      'content_part.added 0.0',
      'output_text.delta 0.0 Paris',
      'output_text.delta 0.0  is the',
      'output_text.delta 0.0  capital.',
      'output_text.done 0.0',
      'content_part.done 0.0',
      'output_item.done 0',
      'completed',
    ])
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index))
    expect(response(events)).toMatchObject({
      id: 'resp_1',
      object: 'response',
      model: 'm',
      created_at: 5,
      completed_at: 9,
      status: 'completed',
      output: [
        {
          id: 'msg_1',
          type: 'message',
          status: 'completed',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'Paris is the capital.', annotations: [], logprobs: [] }],
        },
      ],
      usage: { input_tokens: 21, input_tokens_details: { cached_tokens: 16 }, output_tokens: 5, total_tokens: 26 },
    })
  })

  test('thoughts, text and parallel calls: items in order of appearance, calls closed at the end', () => {
    const events = run(vllmTools)
    expect(events.map(outline)).toEqual([
      'created',
      'in_progress',
      'output_item.added 0',
      'reasoning_summary_part.added 0.0',
      'reasoning_summary_text.delta 0.0 The user wants ',
      'reasoning_summary_text.delta 0.0 two cities.',
      'reasoning_summary_text.done 0.0',
      'reasoning_summary_part.done 0.0',
      'output_item.done 0',
      'output_item.added 1',
      'content_part.added 1.0',
      'output_text.delta 1.0 Looking both up.',
      'output_text.done 1.0',
      'content_part.done 1.0',
      'output_item.done 1',
      'output_item.added 2',
      'function_call_arguments.delta 2 {"city":',
      'function_call_arguments.delta 2  "Oslo"}',
      'output_item.added 3',
      'function_call_arguments.delta 3 {"city": "Rome"}',
      'function_call_arguments.done 2',
      'output_item.done 2',
      'function_call_arguments.done 3',
      'output_item.done 3',
      'completed',
    ])
    expect(response(events).output).toMatchObject([
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'The user wants two cities.' }] },
      { type: 'message', content: [{ text: 'Looking both up.' }] },
      {
        type: 'function_call',
        status: 'completed',
        call_id: 'chatcmpl-tool-1a',
        name: 'weather',
        arguments: '{"city": "Oslo"}',
      },
      { type: 'function_call', call_id: 'chatcmpl-tool-2b', arguments: '{"city": "Rome"}' },
    ])
  })

  test('a refusal is a part of its own, behind what was said before', () => {
    const events = run([delta({ content: 'Well. ' }), delta({ refusal: 'I ' }), delta({ refusal: 'cannot.' }, 'stop')])
    expect(events.map(outline).slice(3, -1)).toEqual([
      'content_part.added 0.0',
      'output_text.delta 0.0 Well. ',
      'output_text.done 0.0',
      'content_part.done 0.0',
      'content_part.added 0.1',
      'refusal.delta 0.1 I ',
      'refusal.delta 0.1 cannot.',
      'refusal.done 0.1',
      'content_part.done 0.1',
      'output_item.done 0',
    ])
    expect(response(events).output).toMatchObject([
      {
        content: [
          { type: 'output_text', text: 'Well. ' },
          { type: 'refusal', refusal: 'I cannot.' },
        ],
      },
    ])
  })

  test('log probabilities go with their text and are whole at its end', () => {
    const entry = { token: 'a', logprob: -1, bytes: null, top_logprobs: [{ token: 'b', logprob: -2 }] }
    const written = { token: 'a', logprob: -1, bytes: [], top_logprobs: [{ token: 'b', logprob: -2, bytes: [] }] }
    const chunk = { choices: [{ index: 0, delta: { content: 'a' }, logprobs: { content: [entry] } }] }
    const events = run([chunk, chunk])
    expect(events.find(({ type }) => type === 'response.output_text.delta')?.logprobs).toEqual([written])
    expect(response(events).output).toMatchObject([{ content: [{ logprobs: [written, written] }] }])
  })

  test('the response repeats the request, but never claims to be stored', () => {
    const request = {
      instructions: 'Be brief.',
      temperature: 0.2,
      metadata: { a: 'b' },
      store: true,
      tools: codex.tools,
    }
    expect(response(run(vllmText, request))).toMatchObject({ ...request, store: false })
  })

  test('an answer without any output is complete and empty', () => {
    expect(response(run([delta({ role: 'assistant', content: '' }), delta({}, 'stop')]))).toMatchObject({
      status: 'completed',
      output: [],
      usage: null,
    })
  })
})

describe('endings', () => {
  test('an answer cut at the limit is incomplete, and so is the item that was open', () => {
    const events = run(cut)
    expect(events.at(-1)?.type).toBe('response.incomplete')
    expect(response(events)).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      completed_at: null,
      output: [{ status: 'incomplete', content: [{ text: 'Once upon a' }] }],
      usage: { output_tokens: 3 },
    })
  })

  test('a filtered answer names the filter', () => {
    expect(response(run([delta({ content: 'x' }), delta({}, 'content_filter')]))).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'content_filter' },
    })
  })

  test('a failure carries what has arrived, and nothing follows it', () => {
    const stream = open()
    stream.push(delta({ content: 'half' }))
    const events = stream.fail({ code: 'upstream_stalled', message: 'Upstream stopped responding' })
    expect(events).toMatchObject([
      {
        type: 'response.failed',
        sequence_number: 5,
        response: {
          status: 'failed',
          error: { code: 'upstream_stalled', message: 'Upstream stopped responding' },
          output: [{ content: [{ text: 'half' }] }],
        },
      },
    ])
    expect([
      ...stream.push(delta({ content: 'x' })),
      ...stream.finish(),
      ...stream.fail({ code: 'c', message: 'm' }),
    ]).toEqual([])
  })

  test('a failure before the first chunk still opens the response it ends', () => {
    expect(open().fail({ code: 'c', message: 'm' }).map(outline)).toEqual(['created', 'in_progress', 'failed'])
  })
})

describe('tool calls in the dialects of servers', () => {
  function output(chunks: unknown[], requestBody?: Record<string, unknown>) {
    return response(run(chunks, requestBody)).output
  }

  test('thoughts in reasoning_content are marked as wanted back', () => {
    expect(output(deepseek)).toMatchObject([
      { id: 'rs_rc_1', type: 'reasoning', summary: [{ text: 'I should list the files.' }] },
      { type: 'function_call', call_id: 'call_00_aa', name: 'exec_command', arguments: '{"cmd":"ls"}' },
    ])
    expect(response(run(deepseek)).usage).toMatchObject({
      input_tokens_details: { cached_tokens: 896 },
      output_tokens_details: { reasoning_tokens: 9 },
    })
  })

  test('whole calls without an index are told apart by their ids', () => {
    expect(output(ollama)).toMatchObject([
      { call_id: 'call_x1', arguments: '{"city":"Oslo"}' },
      { call_id: 'call_x2', arguments: '{"city":"Rome"}' },
    ])
  })

  test('whole calls with neither index nor id are told apart by their names', () => {
    const call = { function: { name: 'f', arguments: { a: 1 } } }
    expect(output([calls(call), calls(call)])).toMatchObject([
      { name: 'f', arguments: '{"a":1}' },
      { name: 'f', arguments: '{"a":1}' },
    ])
  })

  test('calls that are all sent as index 0 are told apart by their ids', () => {
    const call = (id: string) => ({ index: 0, id, function: { name: 'f', arguments: `"${id}"` } })
    expect(output([calls(call('a')), calls(call('b'))])).toMatchObject([
      { call_id: 'a', arguments: '"a"' },
      { call_id: 'b', arguments: '"b"' },
    ])
  })

  test('a name repeated in every piece is one call', () => {
    const piece = (text: string) => ({ index: 0, id: 'a', function: { name: 'f', arguments: text } })
    expect(output([calls(piece('{"x"')), calls(piece(':1}'))])).toMatchObject([{ name: 'f', arguments: '{"x":1}' }])
  })

  test('interleaved calls keep their own arguments', () => {
    const piece = (index: number, text: string) => ({ index, function: { arguments: text } })
    const begin = (index: number) => ({ index, id: `c${index}`, function: { name: `f${index}`, arguments: '' } })
    expect(
      output([
        calls(begin(0), begin(1)),
        calls(piece(0, '{"a"')),
        calls(piece(1, '{"b"'), piece(0, ':1}')),
        calls(piece(1, ':2}')),
      ]),
    ).toMatchObject([{ arguments: '{"a":1}' }, { arguments: '{"b":2}' }])
  })

  test('arguments that come before the name are kept', () => {
    const pieces = [
      { index: 0, id: 'a', function: { arguments: '{"x"' } },
      { index: 0, function: { name: 'f', arguments: ':1}' } },
    ]
    expect(output(pieces.map((piece) => calls(piece)))).toMatchObject([{ name: 'f', arguments: '{"x":1}' }])
    expect(output([calls({ index: 0, function: { arguments: '{}' } })])).toMatchObject([{ name: '', arguments: '{}' }])
  })

  test('two calls never share an id', () => {
    const call = (index: number) => ({ index, id: 'same', function: { name: 'f', arguments: '{}' } })
    const ids = new Set(objectsOf(output([calls(call(0), call(1))])).map(({ call_id }) => call_id))
    expect(ids.size).toBe(2)
  })

  test('a function without arguments gets an empty object, which clients can parse', () => {
    expect(output([calls({ index: 0, id: 'a', function: { name: 'now', arguments: '' } })])).toMatchObject([
      { name: 'now', arguments: '{}' },
    ])
  })

  test('a custom tool gets its text back, a tool in a namespace its namespace', () => {
    const chunks = [
      calls({ index: 0, id: 'a', function: { name: 'apply_patch', arguments: '{"inp' } }),
      calls({ index: 0, function: { arguments: 'ut":"*** Begin"}' } }),
      calls({ index: 1, id: 'b', function: { name: 'multi_agent_v1__close_agent', arguments: '{"target":"x"}' } }),
    ]
    const events = run(chunks, codex)
    expect(events.map(outline).slice(2)).toEqual([
      'output_item.added 0',
      'output_item.added 1',
      'function_call_arguments.delta 1 {"target":"x"}',
      'custom_tool_call_input.delta 0 *** Begin',
      'custom_tool_call_input.done 0',
      'output_item.done 0',
      'function_call_arguments.done 1',
      'output_item.done 1',
      'completed',
    ])
    expect(response(events).output).toMatchObject([
      { type: 'custom_tool_call', call_id: 'a', name: 'apply_patch', input: '*** Begin', status: 'completed' },
      { type: 'function_call', call_id: 'b', name: 'close_agent', namespace: 'multi_agent_v1' },
    ])
  })

  test('a custom tool called without the JSON around its text gets what was sent', () => {
    const call = { index: 0, id: 'a', function: { name: 'exec', arguments: 'text("hi")' } }
    expect(output([calls(call)], codexTools)).toMatchObject([
      { type: 'custom_tool_call', namespace: 'functions', name: 'exec', input: 'text("hi")' },
    ])
  })

  test('thinking parts of Mistral are thoughts', () => {
    expect(output(mistral)).toMatchObject([
      { id: 'rs_1', summary: [{ text: 'Easy: four.' }] },
      { type: 'message', content: [{ text: '2 + 2 = 4' }] },
    ])
  })
})

test.each([
  null,
  'text',
  [],
  {},
  { choices: null },
  { choices: [null, 'x', { index: 1, delta: { content: 'other' } }] },
  { choices: [{ delta: null }] },
  {
    choices: [{ index: 0, delta: { content: { a: 1 }, tool_calls: { a: 1 }, refusal: 3, reasoning: [] }, logprobs: 1 }],
  },
  { choices: [{ index: 0, delta: { content: [1, null, { type: 'image' }] }, finish_reason: 7 }], usage: 'much' },
])('an odd chunk %j adds nothing and breaks nothing', (chunk) => {
  expect(response(run([chunk, delta({ content: 'ok' }), chunk]))).toMatchObject({
    status: 'completed',
    output: [{ content: [{ text: 'ok' }] }],
    usage: null,
  })
})
