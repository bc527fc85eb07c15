/** Names of real models, so that answers have a price; the upstream tells its shapes apart by them. */
export const MODELS = { answers: 'gpt-4.1-mini', idle: 'gpt-4.1-nano' } as const

export const SHAPES = ['json', 'json40', 'stream', 'idle'] as const
/** What is asked: a small body, one of 40 KB like a coding agent's, a stream of 50 events, a stream that falls silent. */
export type Shape = (typeof SHAPES)[number]

const LARGE_BYTES = 40 * 1024
const SOURCE_LINE = '  const total = rows.reduce((sum, { amount }) => sum + amount, 0) // "net", without tax\n'

/** The Chat Completions body of a shape. `stream` and `model` stand first, where the upstream looks for them. */
export function requestBody(shape: Shape): string {
  switch (shape) {
    case 'json':
      return JSON.stringify({ model: MODELS.answers, messages: [user('Say something about bridges.')] })
    case 'json40':
      return JSON.stringify({ model: MODELS.answers, messages: conversation(), tools: tools() })
    case 'stream':
      return JSON.stringify({ model: MODELS.answers, stream: true, messages: [user('Say something about bridges.')] })
    case 'idle':
      return JSON.stringify({ model: MODELS.idle, stream: true, messages: [user('Think.')] })
  }
}

/** Long strings with quotes, line feeds and backslashes to skip: instructions, files that were read, commands that were run. */
function conversation() {
  const messages: object[] = [{ role: 'system', content: `You are a careful programmer.\n${SOURCE_LINE.repeat(90)}` }]
  for (let turn = 0; JSON.stringify({ messages, tools: tools() }).length < LARGE_BYTES; turn++) {
    messages.push(
      user(`Read src/report-${turn}.ts and mend the total.`),
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: `call_${turn}`, type: 'function', function: { name: 'read', arguments: '{"path":"src"}' } }],
      },
      { role: 'tool', tool_call_id: `call_${turn}`, content: SOURCE_LINE.repeat(30) },
    )
  }
  return messages
}

function tools() {
  return ['read', 'write', 'search', 'run', 'plan', 'patch'].map((name) => ({
    type: 'function',
    function: {
      name,
      description: `${name} within the workspace. Paths are relative to its root; nothing outside can be reached.`,
      parameters: {
        type: 'object',
        properties: { path: { type: 'string', description: 'Where.' }, text: { type: 'string' } },
        required: ['path'],
        additionalProperties: false,
      },
    },
  }))
}

function user(content: string) {
  return { role: 'user', content }
}
