import { createOpenAI } from '@ai-sdk/openai'
import { generateText, isStepCount, jsonSchema, streamText, tool } from 'ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ClientWorld, openClientWorld, UPSTREAMS } from './client-world.ts'
import { TOOL, TOOL_ANSWER } from './foreign-answers.ts'

let world: ClientWorld
beforeAll(async () => {
  world = await openClientWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const APIS = ['chat', 'responses'] as const
const CASES = UPSTREAMS.flatMap((upstream) => APIS.map((api) => ({ upstream, api })))

describe.each(CASES)('the AI SDK over $api, $upstream behind it', ({ upstream, api }) => {
  function model() {
    const { baseURL, apiKey, model: name } = world.doors[upstream]
    return createOpenAI({ baseURL, apiKey })[api](name)
  }

  test('generates text with its usage', async () => {
    const { text, usage, finishReason } = await generateText({ model: model(), prompt: 'Good morning', maxRetries: 0 })
    expect(text).toContain('Good morning')
    expect(finishReason).toBe('stop')
    expect(usage.outputTokens).toBeGreaterThan(0)
  })

  test('streams text with its usage', async () => {
    const result = streamText({ model: model(), prompt: 'Good morning', maxRetries: 0 })
    const parts: string[] = []
    for await (const part of result.textStream) parts.push(part)
    expect(parts.join('')).toContain('Good morning')
    expect(parts.length).toBeGreaterThan(1)
    expect((await result.usage).outputTokens).toBeGreaterThan(0)
  })

  test('runs a tool and goes on with its result', async () => {
    const called: unknown[] = []
    const weather = tool({
      description: 'the weather of a city',
      inputSchema: jsonSchema<{ city: string }>({
        type: 'object',
        properties: { city: { type: 'string' } },
        required: ['city'],
        additionalProperties: false,
      }),
      execute: async (input) => {
        called.push(input)
        return TOOL_ANSWER
      },
    })
    const { text, steps } = await generateText({
      model: model(),
      prompt: `Please use ${TOOL} for Oslo`,
      tools: { [TOOL]: weather },
      stopWhen: isStepCount(3),
      maxRetries: 0,
    })
    expect(called).toHaveLength(1)
    expect(steps).toHaveLength(2)
    expect(text).toContain('7 degrees')
  })
})
