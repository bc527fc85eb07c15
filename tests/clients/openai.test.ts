import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.ts'
import { type ClientWorld, openClientWorld, UPSTREAMS } from './client-world.ts'
import { GREETING, TOOL, TOOL_ANSWER } from './foreign-answers.ts'

let world: ClientWorld
beforeAll(async () => {
  world = await openClientWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const parameters = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
}
const chatTool = { type: 'function' as const, function: { name: TOOL, parameters } }
const responsesTool = { type: 'function' as const, name: TOOL, parameters, strict: true }
const user = (content: string) => ({ role: 'user' as const, content })

async function collect<Value>(stream: AsyncIterable<Value>): Promise<Value[]> {
  const values: Value[] = []
  for await (const value of stream) values.push(value)
  return values
}

describe.each(UPSTREAMS)('the official openai client, %s behind it', (upstream) => {
  function connect(maxRetries = 0) {
    const { baseURL, apiKey, model } = world.doors[upstream]
    return { openai: new OpenAI({ baseURL, apiKey, maxRetries, timeout: 20_000 }), model }
  }

  /** What the prompt is answered with; the sandbox says its own text. */
  function expectGreeting(text: string | null | undefined): void {
    if (upstream === 'aimock') expect(text).toBe(GREETING)
    else expect(text).toContain('Good morning')
  }

  test('lists the models of the key', async () => {
    const { openai, model } = connect()
    const models = await collect(await openai.models.list())
    expect(models.map(({ id }) => id)).toEqual([model])
    expect(await openai.models.retrieve(model)).toMatchObject({ id: model, object: 'model' })
  })

  test('gets a chat completion with its usage', async () => {
    const { openai, model } = connect()
    const answer = await openai.chat.completions.create({ model, messages: [user('Good morning')] })
    expectGreeting(answer.choices[0]?.message.content)
    expect(answer).toMatchObject({ object: 'chat.completion', choices: [{ finish_reason: 'stop' }] })
    expect(answer.usage?.total_tokens).toBeGreaterThan(0)
    expect(answer._request_id).toMatch(/\S/)
  })

  test('streams without usage when it did not ask for it', async () => {
    const { openai, model } = connect()
    const stream = await openai.chat.completions.create({ model, messages: [user('Good morning')], stream: true })
    const chunks = await collect(stream)
    expectGreeting(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''))
    expect(chunks.length).toBeGreaterThan(2)
    expect(chunks.filter((chunk) => chunk.usage || chunk.choices.length === 0)).toEqual([])
  })

  test('streams with usage in the last chunk when it asked', async () => {
    const { openai, model } = connect()
    const stream = await openai.chat.completions.create({
      model,
      messages: [user('Good morning')],
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = await collect(stream)
    expectGreeting(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''))
    expect(chunks.at(-1)?.choices).toEqual([])
    expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0)
  })

  test('calls a tool and hands its result in', async () => {
    const { openai, model } = connect()
    const asked = user(`Please use ${TOOL} for Oslo`)
    const first = await openai.chat.completions.create({ model, messages: [asked], tools: [chatTool] })
    const message = first.choices[0]?.message
    const call = message?.tool_calls?.[0]
    if (message === undefined || call?.type !== 'function') throw new Error('no tool call')
    expect(first.choices[0]?.finish_reason).toBe('tool_calls')
    expect(JSON.parse(call.function.arguments)).toHaveProperty('city')
    const second = await openai.chat.completions.create({
      model,
      messages: [asked, message, { role: 'tool', tool_call_id: call.id, content: TOOL_ANSWER }],
      tools: [chatTool],
    })
    expect(second.choices[0]?.message.content).toContain(TOOL_ANSWER)
  })

  test('puts a streamed tool call together', async () => {
    const { openai, model } = connect()
    const messages = [user(`Please use ${TOOL} for Oslo`)]
    const message = await openai.chat.completions.stream({ model, messages, tools: [chatTool] }).finalMessage()
    const call = message.tool_calls?.[0]
    expect(call?.type === 'function' && call.function.name).toBe(TOOL)
    expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toHaveProperty('city')
  })

  test('gets a response with its usage', async () => {
    const { openai, model } = connect()
    const answer = await openai.responses.create({ model, input: 'Good morning' })
    expectGreeting(answer.output_text)
    expect(answer.status).toBe('completed')
    expect(answer.usage?.output_tokens).toBeGreaterThan(0)
  })

  test('streams a response from created to completed', async () => {
    const { openai, model } = connect()
    const events = await collect(await openai.responses.create({ model, input: 'Good morning', stream: true }))
    expect(events[0]?.type).toBe('response.created')
    expectGreeting(events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join(''))
    const end = events.at(-1)
    expect(end?.type === 'response.completed' && end.response.status).toBe('completed')
  })

  test('calls a tool through a response and hands its result in', async () => {
    const { openai, model } = connect()
    const asked = user(`Please use ${TOOL} for Oslo`)
    const first = await openai.responses.create({ model, input: [asked], tools: [responsesTool] })
    const call = first.output.find((item) => item.type === 'function_call')
    if (call === undefined) throw new Error('no tool call')
    const result = { type: 'function_call_output' as const, call_id: call.call_id, output: TOOL_ANSWER }
    const second = await openai.responses.create({ model, input: [asked, call, result], tools: [responsesTool] })
    expect(second.output_text).toContain(TOOL_ANSWER)
  })

  test('leaves in the middle of a stream, and its slot is free again', async () => {
    const { openai, model } = connect()
    const prompt = upstream === 'aimock' ? 'slowly' : '[[sandbox: events=200 eventMs=50]]'
    const stream = await openai.chat.completions.create({ model, messages: [user(prompt)], stream: true })
    let seen = 0
    for await (const _ of stream) {
      seen += 1
      if (seen === 3) break
    }
    expect(stream.controller.signal.aborted).toBe(true)
    await waitFor('the slot', async () => (await account())?.inFlight === 0, 10_000)
    const filter = { outcome: 'client_closed', accountId: (await account())?.id } as const
    await waitFor('its row', async () => (await world.admin.usage.list.query(filter)).items.length === 1, 10_000)
  })

  test('retries by itself after a 429 whose hint it can wait for', async () => {
    refuseOnce()
    const { openai, model } = connect(3)
    const answer = await openai.chat.completions.create({ model, messages: [user('Good morning')] })
    expectGreeting(answer.choices[0]?.message.content)
  })

  test('hears when to come back where it does not retry', async () => {
    refuseOnce()
    const { openai, model } = connect()
    const error = await openai.chat.completions.create({ model, messages: [user('Good morning')] }).catch((e) => e)
    expect(error).toBeInstanceOf(OpenAI.RateLimitError)
    expect(Number(error.headers.get('retry-after'))).toBeGreaterThan(0)
    await waitFor('the account to come back', () => isServing(openai, model), 10_000)
  })

  function refuseOnce(): void {
    if (upstream === 'aimock')
      world.foreign.nextRequestError(429, { message: 'slow down', code: 'rate_limit_exceeded' })
    else world.sandbox.setFault({ kind: 'status', status: 429, retryAfter: 1, times: 1 })
  }

  async function account() {
    const { items } = await world.admin.accounts.list.query({ query: upstream })
    return items.find(({ name }) => name === upstream)
  }
})

async function isServing(openai: OpenAI, model: string): Promise<boolean> {
  const answer = openai.chat.completions.create({ model, messages: [user('Good morning')] })
  return answer.then(
    () => true,
    () => false,
  )
}
