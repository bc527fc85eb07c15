import { describe, expect, test } from 'vitest'
import { INPUT_SAMPLE_CHARS, inputTokens, keepInputText } from './input-text.ts'

/** One token a word. */
async function countWords(text: string): Promise<number> {
  return text.split(/\s+/).filter((word) => word !== '').length
}

function tokensOf(json: string): Promise<number> {
  return inputTokens(keepInputText(json), countWords)
}

/** What reaches the tokenizer. */
async function countedText(json: string): Promise<string> {
  let counted = ''
  await inputTokens(keepInputText(json), async (text) => {
    counted = text
    return 0
  })
  return counted
}

function chatBody(prompt: string): string {
  return JSON.stringify({ model: 'm', messages: [{ role: 'user', content: prompt }] })
}

describe('input tokens', () => {
  test.each([
    [
      'values, not names',
      '{"model":"gpt","messages" : [{"role":"user","content":"hello there"}]}',
      'gpt user hello there',
    ],
    ['escapes as what they stand for', '{"content":"a \\"b\\"\\n\\u4e2d\\\\"}', 'a "b"\n中\\'],
    ['no numbers, no empty texts', '{"n":5,"x":"","y":true,"z":[null,"w"]}', 'w'],
    ['a name with a space before its colon as a name', '{"a"\n\t :"b"}', 'b'],
    ['no inlined file', '{"image_url":{"url":"data:image/png;base64,AAAA"},"text":"what is it"}', 'what is it'],
    ['a text that quotes the beginning of a file', '{"text":"say \\"data:\\" please"}', 'say "data:" please'],
  ])('count %s', async (_, json, counted) => {
    expect(await countedText(json)).toBe(counted)
  })

  test('a text at the limit is counted whole, a longer one by its beginning', async () => {
    const room = INPUT_SAMPLE_CHARS - chatBody('').length
    expect(keepInputText(chatBody('x'.repeat(room))).sample).toHaveLength(INPUT_SAMPLE_CHARS)
    const longer = keepInputText(chatBody('x'.repeat(room + 1)))
    expect(longer.sample).toHaveLength(INPUT_SAMPLE_CHARS)
    expect(longer.length).toBe(INPUT_SAMPLE_CHARS + 1)
  })

  test('one long prompt is counted although the kept beginning ends inside of it', async () => {
    const words = 20_000
    const tokens = await tokensOf(chatBody('word '.repeat(words)))
    expect(tokens).toBeGreaterThan(words * 0.98)
    expect(tokens).toBeLessThan(words * 1.02)
  })

  test('a prompt full of escapes is counted like one without', async () => {
    const tokens = await tokensOf(chatBody('say "yes" or\n'.repeat(5_000)))
    expect(tokens).toBeGreaterThan(14_500)
    expect(tokens).toBeLessThan(15_500)
  })

  test('a picture of megabytes adds nothing, wherever it stands', async () => {
    const text = { type: 'text', text: 'what is in this picture' }
    const body = (size: number) => {
      const file = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(size)}` } }
      return JSON.stringify({ messages: [{ role: 'user', content: [file, text, file, text] }] })
    }
    expect(await tokensOf(body(3_000_000))).toBe(await tokensOf(body(0)))
  })

  test.each([
    ['escaped quotes', '\\"'.repeat(INPUT_SAMPLE_CHARS)],
    ['backslashes', '\\\\'.repeat(INPUT_SAMPLE_CHARS)],
  ])('%s without end take no time to speak of', async (_, text) => {
    const startedAt = performance.now()
    for (let run = 0; run < 200; run++) await tokensOf(`{"x":"${text}"}`)
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })
})
