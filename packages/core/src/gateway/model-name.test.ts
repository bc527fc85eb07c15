import { describe, expect, test } from 'vitest'
import { createRestoreModel } from './model-name.ts'
import { asBytes, fromBytes } from './testing/bytes.ts'

describe('the name the caller used', () => {
  test.each([
    [
      'a chat answer',
      '{"id":"c","object":"chat.completion", "model" : "up-1","choices":[]}',
      '{"id":"c","object":"chat.completion", "model" : "asked","choices":[]}',
    ],
    [
      'a chat chunk',
      'data: {"id":"c","model":"up-1","choices":[]}\n\n',
      'data: {"id":"c","model":"asked","choices":[]}\n\n',
    ],
    ['a chunk in CRLF', 'data: {"model":"up-1"}\r\n\r\n', 'data: {"model":"asked"}\r\n\r\n'],
    ['whatever version the upstream names', '{"model":"up-1-2026-01-01"}', '{"model":"asked"}'],
    ['a model that is null', '{"model":null}', '{"model":"asked"}'],
  ])('replaces the upstream’s in %s', (_, text, restored) => {
    expect(createRestoreModel('asked', 'up-1', 'chat')(text)).toBe(restored)
  })

  test.each([
    ['an answer', '{"id":"r","model":"up-1","output":[]}', '{"id":"r","model":"asked","output":[]}'],
    [
      'an event',
      'event: response.created\ndata: {"type":"response.created","response":{"id":"r","model": "up-1" ,"metadata":{"model":"keep"}}}\n\n',
      'event: response.created\ndata: {"type":"response.created","response":{"id":"r","model": "asked" ,"metadata":{"model":"keep"}}}\n\n',
    ],
  ])('replaces the upstream’s in %s of the Responses API', (_, text, restored) => {
    expect(createRestoreModel('asked', 'up-1', 'responses')(text)).toBe(restored)
  })

  test.each([
    [
      'tool arguments',
      'chat',
      '{"choices":[{"message":{"tool_calls":[{"function":{"arguments":"{\\"model\\":\\"up-1\\"}"}}]}}]}',
    ],
    ['a member further inside', 'chat', '{"metadata":{"model":"up-1"},"choices":[{"model":"up-1"}]}'],
    ['text', 'chat', '{"choices":[{"delta":{"content":"\\"model\\":\\"up-1\\" and {"}}]}'],
    ['an item of an event', 'responses', 'data: {"type":"response.output_item.done","item":{"model":"up-1"}}\n\n'],
    ['a response that is none', 'responses', 'data: {"type":"x","response":null,"x":{"model":"up-1"}}\n\n'],
    ['a comment', 'chat', ': "model"\n\n'],
    ['the end', 'chat', 'data: [DONE]\n\n'],
    ['half an event', 'chat', 'data: {"model'],
  ] as const)('leaves %s as it is', (_, protocol, text) => {
    expect(createRestoreModel('asked', 'up-1', protocol)(text)).toBe(text)
  })

  test.each([
    'data: {"\\x":1,"model":"up-1"}\n\n',
    'data: {"model"}\n\n',
    'data: {"model":}\n\n',
    'data: {"model":"up-1\n\n',
  ])('makes no exception of %j, which is no JSON', (text) => {
    expect(createRestoreModel('asked', 'up-1', 'chat')(text)).toMatch(/^data: \{/)
  })

  test('that is not ASCII reaches the caller whole, between bytes that are not either', () => {
    const restore = createRestoreModel('modèle "中" 🙂', 'up-1', 'chat')
    const restored = fromBytes(restore(asBytes('{"a":"é中🙂","model":"up-1"}')))
    expect(JSON.parse(restored)).toEqual({ a: 'é中🙂', model: 'modèle "中" 🙂' })
  })

  test('that the upstream uses too changes nothing, whatever it answers', () => {
    const text = '{"model":"same-2026-01-01"}'
    expect(createRestoreModel('same', 'same', 'chat')(text)).toBe(text)
  })
})
