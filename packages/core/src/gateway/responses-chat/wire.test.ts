import { createServer } from 'node:http'
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import codex from './__fixtures__/codex-request.json' with { type: 'json' }
import deepseek from './__fixtures__/deepseek-reasoning-tool.json' with { type: 'json' }
import cut from './__fixtures__/llamacpp-cut.json' with { type: 'json' }
import everything from './__fixtures__/responses-everything.json' with { type: 'json' }
import vllmTools from './__fixtures__/vllm-reasoning-tools.json' with { type: 'json' }
import vllmText from './__fixtures__/vllm-text.json' with { type: 'json' }
import { createChatStream } from './chat-stream.ts'
import { createResponsesStream } from './responses-stream.ts'
import { CHAT_DONE, chatChunkText, responsesEventText } from './sse-text.ts'

/** The official client in front of a server that answers every request with this stream. */
async function clientOf(stream: string) {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(stream)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    openai: new OpenAI({ apiKey: 'none', baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function responsesStream(requestBody: Record<string, unknown> = {}) {
  let ids = 0
  const newId = () => String(++ids)
  return createResponsesStream({ responseId: 'resp_1', requestBody, model: 'm', createdAtSeconds: 5, newId })
}

function responsesText(chunks: unknown[], requestBody?: Record<string, unknown>): string {
  const stream = responsesStream(requestBody)
  const events = [...chunks.flatMap((chunk) => stream.push(chunk)), ...stream.finish(9)]
  return events.map(responsesEventText).join('')
}

function chatText(events: unknown[], includeUsage: boolean): string {
  const stream = createChatStream({ id: 'chatcmpl-1', model: 'm', createdSeconds: 5, includeUsage })
  const chunks = events.flatMap((event) => stream.push(event)).map(chatChunkText)
  return [...chunks, stream.ending() === 'done' ? CHAT_DONE : ''].join('')
}

test('the official client reads translated text as its own', async () => {
  await using client = await clientOf(responsesText(vllmText))
  const stream = client.openai.responses.stream({ model: 'm', input: 'capital of France?' })
  const deltas: string[] = []
  stream.on('response.output_text.delta', ({ delta }) => deltas.push(delta))
  const response = await stream.finalResponse()
  expect(deltas).toEqual(['Paris', ' is the', ' capital.'])
  expect(response).toMatchObject({
    status: 'completed',
    output_text: 'Paris is the capital.',
    usage: { input_tokens: 21, output_tokens: 5, total_tokens: 26 },
  })
})

test('the official client reads thoughts and parallel calls', async () => {
  await using client = await clientOf(responsesText(vllmTools))
  const response = await client.openai.responses.stream({ model: 'm', input: 'Oslo, Rome?' }).finalResponse()
  expect(response.output).toMatchObject([
    { type: 'reasoning', summary: [{ text: 'The user wants two cities.' }] },
    { type: 'message', content: [{ text: 'Looking both up.' }] },
    { type: 'function_call', call_id: 'chatcmpl-tool-1a', arguments: '{"city": "Oslo"}' },
    { type: 'function_call', call_id: 'chatcmpl-tool-2b', arguments: '{"city": "Rome"}' },
  ])
})

test('the official client reads a call of a custom tool', async () => {
  const called = { name: 'apply_patch', arguments: '{"input":"*** Begin"}' }
  const chunk = { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, id: 'a', function: called }] } }] }
  await using client = await clientOf(responsesText([...deepseek.slice(0, 3), chunk], codex))
  const response = await client.openai.responses.stream({ model: 'm', input: 'patch it' }).finalResponse()
  expect(response.output).toMatchObject([
    { type: 'reasoning' },
    { type: 'custom_tool_call', call_id: 'a', name: 'apply_patch', input: '*** Begin' },
  ])
})

test('the official client sees an answer cut at the limit as incomplete', async () => {
  await using client = await clientOf(responsesText(cut))
  const response = await client.openai.responses.stream({ model: 'm', input: 'a tale' }).finalResponse()
  expect(response).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    output_text: 'Once upon a',
  })
})

test('the official client sees a failure with its code, also where nothing came before it', async () => {
  const failure = { code: 'upstream_stalled', message: 'Upstream stopped responding' }
  for (const chunks of [[], cut.slice(0, 2)]) {
    const stream = responsesStream()
    const events = [...chunks.flatMap((chunk) => stream.push(chunk)), ...stream.fail(failure)]
    await using client = await clientOf(events.map(responsesEventText).join(''))
    const response = await client.openai.responses.stream({ model: 'm', input: 'a tale' }).finalResponse()
    expect(response).toMatchObject({ status: 'failed', error: failure })
  }
})

test('the official chat client reads text, calls of both kinds and the usage', async () => {
  await using client = await clientOf(chatText(everything, true))
  const completion = await client.openai.chat.completions
    .stream({ model: 'm', messages: [{ role: 'user', content: 'hi' }], stream_options: { include_usage: true } })
    .finalChatCompletion()
  expect(completion).toMatchObject({
    id: 'chatcmpl-1',
    choices: [
      {
        finish_reason: 'tool_calls',
        message: {
          role: 'assistant',
          content: 'Looking both up.',
          tool_calls: [
            { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
            { id: 'call_b', type: 'custom', custom: { name: 'apply_patch', input: '*** Begin Patch\n*** End Patch' } },
          ],
        },
      },
    ],
    usage: { prompt_tokens: 120, completion_tokens: 40, total_tokens: 160 },
  })
})

test('the official chat client throws the failure of a broken stream', async () => {
  const error = { code: 'server_error', message: 'boom' }
  const failed = { type: 'response.failed', response: { status: 'failed', error } }
  await using client = await clientOf(chatText([...everything.slice(0, 12), failed], false))
  const stream = client.openai.chat.completions.stream({ model: 'm', messages: [{ role: 'user', content: 'hi' }] })
  await expect(stream.finalChatCompletion()).rejects.toMatchObject({ error })
})
