import type { LLMock } from '@copilotkit/aimock'

export const TOOL = 'get_weather'
export const GREETING = 'Good morning to you, whoever you are, from quite another house.'
export const TOOL_ANSWER = 'It has 7 degrees.'

/** Lets the mock answer the prompts of these tests; its Responses API counts no tokens unless told. */
export function addForeignAnswers(mock: LLMock): LLMock {
  const usage = { prompt_tokens: 11, completion_tokens: 13, total_tokens: 24, input_tokens: 11, output_tokens: 13 }
  const toolCalls = [{ name: TOOL, arguments: JSON.stringify({ city: 'Oslo' }) }]
  return mock
    .on({ userMessage: TOOL, hasToolResult: true }, { content: TOOL_ANSWER, usage })
    .on({ userMessage: TOOL, hasToolResult: false }, { toolCalls, usage })
    .on({ userMessage: 'slowly' }, { content: 'word '.repeat(40), usage }, { latency: 50, chunkSize: 5 })
    .on({ userMessage: /./ }, { content: GREETING, usage }, { chunkSize: 7 })
}
