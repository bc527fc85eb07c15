import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSandbox, type Sandbox } from './sandbox.ts'

let sandbox: Sandbox
let openai: OpenAI

beforeAll(async () => {
  sandbox = await createSandbox()
  openai = new OpenAI({ apiKey: 'any', baseURL: `${sandbox.url}/v1`, maxRetries: 0 })
})
afterAll(() => sandbox.close())

const weather = {
  type: 'object',
  properties: {
    city: { type: 'string' },
    unit: { enum: ['celsius', 'kelvin'] },
    days: { type: 'integer', minimum: 3 },
  },
  required: ['city', 'unit', 'days'],
  additionalProperties: false,
}
const chatTool = { type: 'function' as const, function: { name: 'get_weather', parameters: weather } }
const tool = { type: 'function' as const, name: 'get_weather', parameters: weather, strict: true }

async function collect<Value>(stream: AsyncIterable<Value>): Promise<Value[]> {
  const values: Value[] = []
  for await (const value of stream) values.push(value)
  return values
}

const user = (content: string) => ({ role: 'user' as const, content })

describe('chat completions', () => {
  test('the same prompt gets the same text, under a new id', async () => {
    const ask = () => openai.chat.completions.create({ model: 'sandbox-small', messages: [user('Good morning')] })
    const [first, second] = [await ask(), await ask()]
    expect(first.choices[0]).toEqual(second.choices[0])
    expect(first.id).not.toBe(second.id)
    expect(first.choices[0]?.message.content).toContain('Good morning')
    expect(first.choices[0]?.finish_reason).toBe('stop')
    expect(first).toMatchObject({ object: 'chat.completion', model: 'sandbox-small' })
  })

  test('usage counts real tokens', async () => {
    const answer = await openai.chat.completions.create({
      model: 'sandbox-small',
      messages: [user('[[sandbox: text="hello world"]]')],
    })
    expect(answer.choices[0]?.message.content).toBe('hello world')
    expect(answer.usage).toMatchObject({ completion_tokens: 2, total_tokens: (answer.usage?.prompt_tokens ?? 0) + 2 })
  })

  test.each(['max_tokens', 'max_completion_tokens'])('%s ends the text with finish_reason length', async (limit) => {
    const answer = await openai.chat.completions.create({
      model: 'sandbox-small',
      messages: [user('Good morning')],
      [limit]: 4,
    })
    expect(answer.choices[0]?.finish_reason).toBe('length')
    expect(answer.usage?.completion_tokens).toBe(4)
  })

  test('a stream adds up to the same text, with usage only in the last chunk when asked for', async () => {
    const request = { model: 'sandbox-small', messages: [user('Good morning')] }
    const whole = await openai.chat.completions.create(request)
    const stream = await openai.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = await collect(stream)
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(
      whole.choices[0]?.message.content,
    )
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true)
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop')
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1)
  })

  test('a stream has no usage member when nobody asked for it', async () => {
    const stream = await openai.chat.completions.create({ model: 'm', messages: [user('hi')], stream: true })
    const chunks = await collect(stream)
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false)
  })

  test('a prompt that names a tool calls it with fitting arguments, and its result gets a text', async () => {
    const request = { model: 'sandbox-small', tools: [chatTool] }
    const asked = user('Please use get_weather for Oslo')
    const first = await openai.chat.completions.create({ ...request, messages: [asked] })
    const message = first.choices[0]?.message
    const call = message?.tool_calls?.[0]
    if (message === undefined || call?.type !== 'function') throw new Error('no tool call')
    expect(first.choices[0]?.finish_reason).toBe('tool_calls')
    expect(JSON.parse(call.function.arguments)).toEqual({ city: 'sandbox', unit: 'celsius', days: 3 })

    const result = { role: 'tool' as const, tool_call_id: call.id, content: '7 degrees' }
    const second = await openai.chat.completions.create({ ...request, messages: [asked, message, result] })
    expect(second.choices[0]?.message.content).toContain('7 degrees')
    expect(second.choices[0]?.finish_reason).toBe('stop')
  })

  test.each([
    ['not named', 'hello', undefined, 'stop'],
    ['named but forbidden', 'get_weather', 'none' as const, 'stop'],
    ['not named but required', 'hello', 'required' as const, 'tool_calls'],
    ['chosen', 'hello', { type: 'function' as const, function: { name: 'get_weather' } }, 'tool_calls'],
  ])('a tool %s', async (_, prompt, tool_choice, finish) => {
    const answer = await openai.chat.completions.create({
      model: 'm',
      messages: [user(prompt)],
      tools: [chatTool],
      tool_choice,
    })
    expect(answer.choices[0]?.finish_reason).toBe(finish)
  })

  test('a streamed tool call is put together by the SDK', async () => {
    const stream = openai.chat.completions.stream({ model: 'm', messages: [user('get_weather')], tools: [chatTool] })
    const message = await stream.finalMessage()
    const call = message.tool_calls?.[0]
    expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toEqual({
      city: 'sandbox',
      unit: 'celsius',
      days: 3,
    })
  })

  test('a JSON schema gets a value that fits', async () => {
    const answer = await openai.chat.completions.create({
      model: 'm',
      messages: [user('hi')],
      response_format: { type: 'json_schema', json_schema: { name: 'weather', schema: weather } },
    })
    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual({ city: 'sandbox', unit: 'celsius', days: 3 })
  })

  test('the reasoning model reports reasoning tokens as part of its output', async () => {
    const answer = await openai.chat.completions.create({ model: 'sandbox-reasoning', messages: [user('hi')] })
    expect(answer.usage?.completion_tokens_details?.reasoning_tokens).toBe(64)
    expect(answer.usage?.completion_tokens).toBeGreaterThan(64)
  })

  test.each([
    ['no messages', { model: 'm' }, 'messages'],
    ['no model', { messages: [user('hi')] }, 'model'],
    ['two answers', { model: 'm', messages: [user('hi')], n: 2 }, 'n'],
  ])('%s is refused as the caller’s mistake', async (_, body, param) => {
    await expect(openai.post('/chat/completions', { body })).rejects.toMatchObject({ status: 400, param })
  })
})

describe('responses', () => {
  test('an answer is complete, kept, and can be fetched, listed and deleted', async () => {
    const answer = await openai.responses.create({ model: 'sandbox-small', input: 'Good morning' })
    expect(answer).toMatchObject({ status: 'completed', error: null, incomplete_details: null })
    expect(answer.output_text).toContain('Good morning')
    expect(answer.usage?.total_tokens).toBe((answer.usage?.input_tokens ?? 0) + (answer.usage?.output_tokens ?? 0))

    expect((await openai.responses.retrieve(answer.id)).output_text).toBe(answer.output_text)
    const items = await openai.responses.inputItems.list(answer.id)
    expect(items.data[0]).toMatchObject({ role: 'user', content: [{ type: 'input_text', text: 'Good morning' }] })
    await openai.responses.delete(answer.id)
    await expect(openai.responses.retrieve(answer.id)).rejects.toMatchObject({ status: 404 })
  })

  test('store: false keeps nothing, a previous_response_id is accepted', async () => {
    const answer = await openai.responses.create({
      model: 'm',
      input: 'hi',
      store: false,
      previous_response_id: 'resp_x',
    })
    expect(answer.previous_response_id).toBe('resp_x')
    await expect(openai.responses.retrieve(answer.id)).rejects.toMatchObject({ status: 404 })
  })

  test('max_output_tokens ends it as incomplete', async () => {
    const answer = await openai.responses.create({ model: 'm', input: 'Good morning', max_output_tokens: 5 })
    expect(answer).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })
    expect(answer.usage?.output_tokens).toBe(5)
  })

  test('a stream has the whole sequence of events, numbered without a gap', async () => {
    const stream = await openai.responses.create({
      model: 'm',
      input: '[[sandbox: text="hello world"]]',
      stream: true,
    })
    const events = await collect(stream)
    expect(events.map((event) => event.type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ])
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index))
  })

  test('the SDK puts a streamed function call together; its output gets a text', async () => {
    const asked = { role: 'user' as const, content: 'use get_weather' }
    const final = await openai.responses.stream({ model: 'm', input: [asked], tools: [tool] }).finalResponse()
    const call = final.output[0]
    if (call?.type !== 'function_call') throw new Error('no function call')
    expect(JSON.parse(call.arguments)).toEqual({ city: 'sandbox', unit: 'celsius', days: 3 })

    const second = await openai.responses.create({
      model: 'm',
      tools: [tool],
      input: [
        asked,
        { type: 'function_call', call_id: call.call_id, name: call.name, arguments: call.arguments },
        { type: 'function_call_output', call_id: call.call_id, output: '7 degrees' },
      ],
    })
    expect(second.output_text).toContain('7 degrees')
  })

  test('a reasoning item stands before the message', async () => {
    const answer = await openai.responses.create({ model: 'sandbox-reasoning', input: 'hi' })
    expect(answer.output.map((item) => item.type)).toEqual(['reasoning', 'message'])
    expect(answer.usage?.output_tokens_details.reasoning_tokens).toBe(64)
  })

  test('a JSON schema gets a value that fits', async () => {
    const answer = await openai.responses.create({
      model: 'm',
      input: 'hi',
      text: { format: { type: 'json_schema', name: 'weather', schema: weather } },
    })
    expect(JSON.parse(answer.output_text)).toEqual({ city: 'sandbox', unit: 'celsius', days: 3 })
  })
})

describe('embeddings and models', () => {
  test('a vector depends on the text alone and has length 1', async () => {
    const embed = (input: string[]) => openai.embeddings.create({ model: 'sandbox-embedding', input, dimensions: 16 })
    const [first, second] = [await embed(['one', 'two']), await embed(['one'])]
    const vector = first.data[0]?.embedding ?? []
    expect(vector).toEqual(second.data[0]?.embedding)
    expect(vector).not.toEqual(first.data[1]?.embedding)
    expect(Math.hypot(...vector)).toBeCloseTo(1)
    expect(first.usage).toEqual({ prompt_tokens: 2, total_tokens: 2 })
  })

  test('models are listed; without a closed list every name is served', async () => {
    const models = await collect(openai.models.list())
    expect(models.map((model) => model.id)).toContain('sandbox-reasoning')
    expect(await openai.models.retrieve('org/any')).toMatchObject({ id: 'org/any', object: 'model' })
  })

  test('a closed list and a set of keys are enforced', async () => {
    const strict = await createSandbox({ models: ['only'], keys: ['right'] })
    const client = (apiKey: string) => new OpenAI({ apiKey, baseURL: strict.url, maxRetries: 0 })
    const ask = (key: string, model: string) => client(key).chat.completions.create({ model, messages: [user('hi')] })
    await expect(ask('right', 'other')).rejects.toMatchObject({ status: 404, code: 'model_not_found' })
    await expect(ask('wrong', 'only')).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' })
    expect((await ask('right', 'only')).choices).toHaveLength(1)
    await strict.close()
  })
})
