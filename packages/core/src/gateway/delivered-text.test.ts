import { describe, expect, test } from 'vitest'
import { CHAT_TEXT_MEMBERS } from './chat-event-reader.ts'
import { createDeliveredText, DELIVERED_SAMPLE_CHARS } from './delivered-text.ts'
import { RESPONSES_TEXT_MEMBERS } from './responses-event-reader.ts'
import { asBytes, fromBytes } from './testing/bytes.ts'

/** What reaches the tokenizer of these events. */
async function countedText(events: string[], members: readonly string[] = CHAT_TEXT_MEMBERS): Promise<string> {
  const delivered = createDeliveredText(members, fromBytes)
  for (const event of events) delivered.add(event)
  let counted = ''
  await delivered.tokens(async (text) => {
    counted = text
    return 0
  })
  return counted
}

function chunk(delta: object, more: object[] = []): string {
  return asBytes(`data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta }, ...more] })}\n\n`)
}

async function countChars(text: string): Promise<number> {
  return text.length
}

describe('delivered text of chat chunks', () => {
  test.each([
    ['content', { content: 'hello' }, 'hello'],
    ['a refusal', { content: null, refusal: 'no' }, 'no'],
    ['reasoning', { reasoning_content: 'hm' }, 'hm'],
    ['reasoning by its other name', { reasoning: 'hm' }, 'hm'],
    ['arguments', { tool_calls: [{ index: 0, function: { name: 'f', arguments: '{"a":1}' } }] }, '{"a":1}'],
    ['arguments of two calls', { tool_calls: [1, 2].map((n) => ({ function: { arguments: `[${n}]` } })) }, '[1][2]'],
    ['what a custom tool is given', { tool_calls: [{ index: 0, custom: { name: 'f', input: 'ls' } }] }, 'ls'],
    ['escapes as what they stand for', { content: 'a "b"\n\\' }, 'a "b"\n\\'],
    ['text that looks like a member', { content: '"content":"x"' }, '"content":"x"'],
    ['letters of many bytes', { content: 'é中🙂' }, 'é中🙂'],
    ['no role', { role: 'assistant', content: '' }, ''],
  ])('has %s', async (_, delta, text) => {
    expect(await countedText([chunk(delta)])).toBe(text)
  })

  test('has what each of several choices says', async () => {
    expect(await countedText([chunk({ content: 'a' }, [{ index: 1, delta: { content: 'b' } }])])).toBe('ab')
  })

  test('joins letters whose escapes came in two events', async () => {
    const half = (unit: string) => `data: {"choices":[{"delta":{"content":"${unit}"}}]}\n\n`
    expect(await countedText([half('\\ud83d'), half('\\ude42')])).toBe('🙂')
  })

  test('has spaces around the colon', async () => {
    expect(await countedText(['data: {"choices": [{"delta": {"content" : "x"}}]}\n\n'])).toBe('x')
  })

  test('is empty as long as nothing was said', () => {
    const delivered = createDeliveredText(CHAT_TEXT_MEMBERS, fromBytes)
    for (const delta of [{ role: 'assistant', content: '' }, { content: null }, {}]) delivered.add(chunk(delta))
    expect(delivered.isEmpty()).toBe(true)
    delivered.add(chunk({ content: 'x' }))
    expect(delivered.isEmpty()).toBe(false)
  })

  test('of nothing costs nothing, and asks no tokenizer', async () => {
    const delivered = createDeliveredText(CHAT_TEXT_MEMBERS, fromBytes)
    expect(await delivered.tokens(() => Promise.reject(new Error('asked')))).toBe(0)
  })
})

describe('delivered text of Responses events', () => {
  test.each([
    ['a delta', { type: 'response.output_text.delta', delta: 'hello' }, 'hello'],
    ['arguments', { type: 'response.function_call_arguments.delta', delta: '{"a"' }, '{"a"'],
    ['nothing twice', { type: 'response.output_text.done', text: 'hello' }, ''],
    ['no item', { type: 'response.output_item.added', item: { type: 'message', content: [] } }, ''],
  ])('has %s', async (_, event, text) => {
    expect(
      await countedText([`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`], RESPONSES_TEXT_MEMBERS),
    ).toBe(text)
  })
})

describe('a long answer', () => {
  test.each([
    ['plain', 'word '],
    ['of escapes', 'a\n"b"\\'],
    ['of letters that JSON may escape', '中文é'],
  ])('%s is counted by its beginning, as long as it is', async (_, piece) => {
    const delivered = createDeliveredText(CHAT_TEXT_MEMBERS, fromBytes)
    const times = 10_000
    for (let i = 0; i < times; i++) delivered.add(chunk({ content: piece }))
    let sampled = 0
    const tokens = await delivered.tokens(async (text) => {
      sampled = text.length
      return text.length
    })
    expect(sampled).toBeLessThanOrEqual(DELIVERED_SAMPLE_CHARS + piece.length)
    expect(tokens).toBeGreaterThanOrEqual(times * piece.length)
    expect(tokens).toBeLessThan(times * piece.length * 1.01)
  })

  test('in one event is counted by its beginning too', async () => {
    const delivered = createDeliveredText(CHAT_TEXT_MEMBERS, fromBytes)
    delivered.add(chunk({ content: 'x'.repeat(1_000_000) }))
    expect(await delivered.tokens(countChars)).toBe(1_000_000)
  })

  test('that is no JSON is counted as it stands', async () => {
    expect(await countedText(['data: {"choices":[{"delta":{"content":"a\\q"}}]}\n\n'])).toBe('a\\q')
  })
})
