import { beforeAll, describe, expect, test } from 'vitest'
import { type Answered, type GatewayWorld, sharedGatewayWorld } from '../support/gateway-world.ts'
import { hasDescription, type OpenAiSchemas, openAiSchemas } from './openai-schemas.ts'

const FUNCTION = { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } }
const CHAT_TOOL = { tools: [{ type: 'function', function: FUNCTION }] }
const RESPONSES_TOOL = { tools: [{ type: 'function', ...FUNCTION }] }
const CALLED = 'Hi [[sandbox: tool=get_weather]]'
const named = (body: object) => ({ body: JSON.stringify({ model: 'sandbox-small', ...body }) })
const asked = (content: string) => ({ messages: [{ role: 'user', content }] })

/** What a world answers, and the component of OpenAI's description it must be. */
type Case = [what: string, component: string, ask: (world: GatewayWorld) => Promise<Answered>]

const WHOLE: Case[] = [
  ['a chat completion', 'CreateChatCompletionResponse', (w) => w.chat()],
  [
    'a chat completion that calls a function',
    'CreateChatCompletionResponse',
    (w) => w.chat({ ...CHAT_TOOL, ...asked(CALLED) }),
  ],
  [
    'a chat completion cut off by its limit',
    'CreateChatCompletionResponse',
    (w) => w.chat({ max_completion_tokens: 2 }),
  ],
  [
    'a chat completion of a reasoning model',
    'CreateChatCompletionResponse',
    (w) => w.chat({ model: 'sandbox-reasoning' }),
  ],
  ['a response', 'Response', (w) => w.responses()],
  ['a response that calls a function', 'Response', (w) => w.responses({ ...RESPONSES_TOOL, input: CALLED })],
  ['a response cut off by its limit', 'Response', (w) => w.responses({ max_output_tokens: 2 })],
  ['a response of a reasoning model', 'Response', (w) => w.responses({ model: 'sandbox-reasoning' })],
]

const STREAMED: Case[] = [
  ['chunks of a chat completion', 'CreateChatCompletionStreamResponse', (w) => w.chat({ stream: true })],
  [
    'chunks with usage',
    'CreateChatCompletionStreamResponse',
    (w) => w.chat({ stream: true, stream_options: { include_usage: true } }),
  ],
  [
    'chunks that call a function',
    'CreateChatCompletionStreamResponse',
    (w) => w.chat({ stream: true, ...CHAT_TOOL, ...asked(CALLED) }),
  ],
  ['events of a response', 'ResponseStreamEvent', (w) => w.responses({ stream: true })],
  [
    'events of a response that calls a function',
    'ResponseStreamEvent',
    (w) => w.responses({ stream: true, ...RESPONSES_TOOL, input: CALLED }),
  ],
  [
    'events of a reasoning model',
    'ResponseStreamEvent',
    (w) => w.responses({ stream: true, model: 'sandbox-reasoning' }),
  ],
]

const PASSED: Case[] = [
  ['an embedding', 'CreateEmbeddingResponse', (w) => w.request('/v1/embeddings', named({ input: 'Hi' }))],
  ['a completion', 'CreateCompletionResponse', (w) => w.request('/v1/completions', named({ prompt: 'Hi' }))],
  ['a moderation', 'CreateModerationResponse', (w) => w.request('/v1/moderations', named({ input: 'Hi' }))],
  ['a picture', 'ImagesResponse', (w) => w.request('/v1/images/generations', named({ prompt: 'Hi' }))],
]

const REFUSED: Case[] = [
  ['no key', 'ErrorResponse', (w) => w.chat({}, { apiKey: null })],
  ['an unknown route', 'ErrorResponse', (w) => w.request('/v1/nothing')],
  ['no JSON', 'ErrorResponse', (w) => w.request('/v1/chat/completions', { body: '{' })],
  ['an unknown response', 'ErrorResponse', (w) => w.request('/v1/responses/resp_nothing', { method: 'GET' })],
  ['an unknown model', 'ErrorResponse', (w) => w.request('/v1/models/nothing', { method: 'GET' })],
  ['a mistake the upstream finds', 'ErrorResponse', (w) => w.chat({ messages: [] })],
  ['an upstream that fails', 'ErrorResponse', (w) => w.chat(asked('Hi [[sandbox: fault=status status=500]]'))],
]

let description: OpenAiSchemas
beforeAll(async () => {
  if (hasDescription) description = await openAiSchemas()
})

function faults(component: string, value: unknown): string[] {
  return description.faults(component, value)
}

/** Data of each event but the last one of a chat stream, which is no JSON. */
function eventsOf({ text }: Answered): { type?: string }[] {
  const data = text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice('data: '.length)] : []))
  return data.filter((each) => each !== '[DONE]').map((each) => JSON.parse(each))
}

describe.skipIf(!hasDescription)('by OpenAI’s own description (../shared/data/openai-openapi.json)', () => {
  // The last two are translated here: what they answer is of our own making.
  describe.each(['responses+chat', 'chat', 'responses'] as const)('an account that speaks %s', (protocol) => {
    const worldOf = sharedGatewayWorld({ accounts: [{ protocol }] })

    test.each(WHOLE)('%s is a %s', async (_what, component, ask) => {
      const answer = await ask(worldOf())
      expect(answer.status, answer.text).toBe(200)
      expect(faults(component, JSON.parse(answer.text))).toEqual([])
    })

    test.each(STREAMED)('%s are each a %s', async (_what, component, ask) => {
      const events = eventsOf(await ask(worldOf()))
      expect(events.length).toBeGreaterThan(2)
      for (const event of events) {
        const own =
          component === 'ResponseStreamEvent' ? description.componentOf(event.type ?? 'without a type') : component
        expect(faults(own, event), JSON.stringify(event)).toEqual([])
      }
    })
  })

  describe('whatever the account', () => {
    const worldOf = sharedGatewayWorld({ accounts: [{ models: ['sandbox-small'] }] })

    test.each(PASSED)('%s is a %s', async (_what, component, ask) => {
      const answer = await ask(worldOf())
      expect(answer.status, answer.text).toBe(200)
      expect(faults(component, JSON.parse(answer.text))).toEqual([])
    })

    test.each(REFUSED)('%s is told as an error', async (_what, component, ask) => {
      const answer = await ask(worldOf())
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(faults(component, JSON.parse(answer.text))).toEqual([])
    })

    test('a chat stream that breaks ends with an error', async () => {
      const broken = await worldOf().chat({ stream: true, ...asked('Hi [[sandbox: fault=cut afterEvents=3]]') })
      expect(faults('ErrorResponse', eventsOf(broken).at(-1))).toEqual([])
    })

    test('the list of models, and each of them', async () => {
      const list = JSON.parse((await worldOf().request('/v1/models', { method: 'GET' })).text)
      expect(faults('ListModelsResponse', list)).toEqual([])
      expect(list.data.length).toBeGreaterThan(0)
      const one = await worldOf().request(`/v1/models/${list.data[0].id}`, { method: 'GET' })
      expect(faults('Model', JSON.parse(one.text))).toEqual([])
    })

    test('it would be told what is missing', async () => {
      const { id: _id, ...answer } = JSON.parse((await worldOf().chat()).text)
      expect(faults('CreateChatCompletionResponse', answer)).toEqual(["/ must have required property 'id'"])
      expect(faults('CreateChatCompletionResponse', { ...answer, id: 1 })).toEqual(['/id must be string'])
      const delta = description.componentOf('response.output_text.delta')
      expect(faults(delta, { type: 'response.output_text.delta' })).toContain("/ must have required property 'item_id'")
    })
  })
})
