import { expect, test } from 'vitest'
import { toChatRequest } from './chat-request.ts'

const parameters = { type: 'object', properties: { a: { type: 'string' } } }
const weather = { type: 'function', name: 'weather', description: 'Tells it.', parameters, strict: false }
const patch = { type: 'custom', name: 'patch' }
const search = { type: 'web_search' }
const chatWeather = { type: 'function', function: { name: 'weather', description: 'Tells it.', parameters } }

function translate(body: Record<string, unknown>) {
  const translated = toChatRequest({ model: 'm', input: 'hi', ...body })
  if (!translated.ok) return translated.param
  const { tools, tool_choice, parallel_tool_calls } = translated.body
  return { tools, tool_choice, parallel_tool_calls }
}

test('a function moves one level down; strict is said only where it is on', () => {
  expect(translate({ tools: [weather, { type: 'function', name: 'now', strict: true }] })).toEqual({
    tools: [
      chatWeather,
      { type: 'function', function: { name: 'now', parameters: { type: 'object', properties: {} }, strict: true } },
    ],
  })
})

test('a custom tool becomes a function of one string, its grammar a part of the description', () => {
  const format = { type: 'grammar', syntax: 'regex', definition: '[a-z]+' }
  expect(translate({ tools: [{ ...patch, description: 'Edits.', format }] })).toMatchObject({
    tools: [
      {
        function: {
          name: 'patch',
          description: 'Edits.\n\nThe text of "input" must match this regex grammar:\n[a-z]+',
          parameters: { properties: { input: { type: 'string' } }, required: ['input'] },
        },
      },
    ],
  })
})

test('tools that only OpenAI runs are left out, and with the last of them every word about tools', () => {
  const tools = [search, { type: 'mcp', server_label: 's' }, { type: 'local_shell' }, { type: 'of_next_year' }]
  expect(translate({ tools: [...tools, weather], tool_choice: 'auto' })).toMatchObject({ tools: [chatWeather] })
  expect(translate({ tools, tool_choice: 'auto', parallel_tool_calls: false })).toEqual({})
})

test('a tool declared twice is offered once', () => {
  expect(translate({ tools: [weather, { ...weather, description: 'Again.' }] })).toEqual({ tools: [chatWeather] })
})

test.each([
  ['none', 'none'],
  ['required', 'required'],
  [
    { type: 'function', name: 'weather' },
    { type: 'function', function: { name: 'weather' } },
  ],
  [
    { type: 'custom', name: 'patch' },
    { type: 'function', function: { name: 'patch' } },
  ],
])('tool_choice %j becomes %j', (tool_choice, expected) => {
  expect(translate({ tools: [weather, patch], tool_choice })).toMatchObject({ tool_choice: expected })
})

test('allowed_tools limits what is offered', () => {
  const tool_choice = {
    type: 'allowed_tools',
    mode: 'required',
    tools: [{ type: 'function', name: 'weather' }, search],
  }
  expect(translate({ tools: [weather, patch, search], tool_choice })).toEqual({
    tools: [chatWeather],
    tool_choice: 'required',
  })
})

test.each([
  { tools: [weather, search], tool_choice: { type: 'web_search' } },
  { tools: [weather, search], tool_choice: { type: 'allowed_tools', mode: 'required', tools: [search] } },
  { tools: [search], tool_choice: 'required' },
])('a choice that leaves no tool to call is refused: %j', (body) => {
  expect(translate(body)).toBe('tool_choice')
})

test('parallel calls are forbidden only where the client does', () => {
  expect(translate({ tools: [weather], parallel_tool_calls: false })).toMatchObject({ parallel_tool_calls: false })
  expect(translate({ tools: [weather], parallel_tool_calls: true })).toEqual({ tools: [chatWeather] })
})
