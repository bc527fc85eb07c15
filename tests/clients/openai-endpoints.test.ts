import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClientWorld, openClientWorld } from './client-world.ts'

let world: ClientWorld
let openai: OpenAI
let model: string
beforeAll(async () => {
  world = await openClientWorld()
  const { baseURL, apiKey, model: served } = world.doors.sandbox
  openai = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 20_000 })
  model = served
})
afterAll(() => world[Symbol.asyncDispose]())

test('a conversation goes on by the id of its last response, whole or streamed', async () => {
  const first = await openai.responses.create({ model, input: 'Good morning' })
  const second = await openai.responses
    .stream({ model, input: 'And again', previous_response_id: first.id })
    .finalResponse()
  const third = await openai.responses.create({ model, input: 'Once more', previous_response_id: second.id })
  expect([second.previous_response_id, third.previous_response_id]).toEqual([first.id, second.id])
  const unknown = openai.responses.create({ model, input: 'x', previous_response_id: 'resp_unknown' })
  await expect(unknown).rejects.toMatchObject({
    status: 400,
    code: 'previous_response_not_found',
    param: 'previous_response_id',
  })
})

test('a stored response is read, listed, refused to be cancelled, and deleted', async () => {
  const made = await openai.responses.create({ model, input: 'Good morning' })
  expect((await openai.responses.retrieve(made.id, { include: ['reasoning.encrypted_content'] })).id).toBe(made.id)
  expect((await openai.responses.inputItems.list(made.id)).data).toHaveLength(1)
  await expect(openai.responses.cancel(made.id)).rejects.toBeInstanceOf(OpenAI.BadRequestError)
  await openai.responses.delete(made.id)
  await expect(openai.responses.retrieve(made.id)).rejects.toBeInstanceOf(OpenAI.NotFoundError)
})

test('embeddings, completions and moderations pass through', async () => {
  const { data, usage } = await openai.embeddings.create({ model, input: ['one', 'two'], dimensions: 16 })
  expect(data.map(({ embedding }) => embedding.length)).toEqual([16, 16])
  expect(usage.prompt_tokens).toBe(2)
  const completion = await openai.completions.create({ model, prompt: 'Good morning' })
  expect(completion.choices[0]?.text).toContain('Good morning')
  let streamed = ''
  for await (const chunk of await openai.completions.create({ model, prompt: 'Good morning', stream: true })) {
    streamed += chunk.choices[0]?.text ?? ''
  }
  expect(streamed).toBe(completion.choices[0]?.text)
  const { results } = await openai.moderations.create({ model, input: 'bad [flag]' })
  expect(results).toMatchObject([{ flagged: true }])
})

test('pictures, speech and transcripts pass through', async () => {
  const pictures = await openai.images.generate({ model, prompt: 'a barrier', n: 2 })
  expect(pictures.data).toHaveLength(2)
  const speech = await openai.audio.speech.create({ model, input: 'Good morning', voice: 'alloy' })
  const sound = Buffer.from(await speech.arrayBuffer())
  expect(sound.subarray(8, 12).toString()).toBe('WAVE')
  const file = await toFile(sound, 'speech.wav', { type: 'audio/wav' })
  const { text } = await openai.audio.transcriptions.create({ model, file, prompt: 'Good morning' })
  expect(text).toContain('Good morning')
  const plain = await openai.audio.transcriptions.create({ model, file, prompt: 'Hi', response_format: 'text' })
  expect(plain).toContain('Hi')
})
