import { expect, test } from 'vitest'
import { createToolNames, type ToolIdentity } from './tool-names.ts'

function tool(name: string, namespace: string | null = null): ToolIdentity {
  return { kind: 'function', name, namespace }
}

test.each([
  [tool('weather'), 'weather'],
  [tool('exec', 'functions'), 'exec'],
  [tool('close', 'agents'), 'agents__close'],
  [tool('run', 'mcp__shell__'), 'mcp__shell__run'],
  [tool('a.b/c', 'x y'), 'x_y__a_b_c'],
  [tool('n'.repeat(64)), 'n'.repeat(64)],
  [tool('n'.repeat(65)), 'n'.repeat(64)],
])('%j is called %s', (identity, expected) => {
  const names = createToolNames([identity])
  expect(names.toChat(identity)).toBe(expected)
  expect(names.fromChat(expected)).toEqual(identity)
})

test('tools that would share a name are told apart, both ways', () => {
  const long = 'n'.repeat(70)
  const tools = [tool('a.b'), tool('a_b'), tool(`${long}1`), tool(`${long}2`), tool(`${'n'.repeat(56)}_2`)]
  const names = createToolNames(tools)
  const chatNames = tools.map((each) => names.toChat(each))
  expect(new Set(chatNames).size).toBe(tools.length)
  expect(chatNames.every((name) => /^[a-zA-Z0-9_-]{1,64}$/.test(name))).toBe(true)
  expect(chatNames.map((name) => names.fromChat(name))).toEqual(tools)
})

test('a call without namespace means the tool in the default namespace', () => {
  const names = createToolNames([tool('a.b'), tool('a_b', 'functions')])
  expect(names.toChat(tool('a_b'))).toBe('a_b_2')
})

test('a name nobody declared stands for nothing', () => {
  expect(createToolNames([tool('weather')]).fromChat('climate')).toBeNull()
  expect(createToolNames([]).toChat(tool('close', 'agents'))).toBe('agents__close')
})
