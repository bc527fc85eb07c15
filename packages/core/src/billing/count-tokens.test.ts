import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, it } from 'vitest'
import { countTokens } from './count-tokens.ts'

const PROSE = 'The quick brown fox jumps over the lazy dog, and then some. '

describe('countTokens', () => {
  it.each(['', 'hello', 'Grüße, 世界! 👋🏽', '\ud800', 'def f(x):\n    return x ** 2\n', PROSE.repeat(400)])(
    'counts ordinary text exactly (case %#)',
    async (text) => {
      expect(await countTokens(text)).toBe(encode(text).length)
    },
  )

  it('counts the names of special tokens as plain text', async () => {
    const text = 'a <|endoftext|> b <|im_start|> c <|endofprompt|>'
    expect(await countTokens(text)).toBe(encode(text, { disallowedSpecial: new Set() }).length)
    expect(await countTokens('<|endoftext|>')).toBeGreaterThan(1)
  })

  it('scales long text up from its beginning', async () => {
    const repeats = 10_000
    const expected = (encode(PROSE.repeat(100)).length / 100) * repeats
    expect(Math.abs((await countTokens(PROSE.repeat(repeats))) / expected - 1)).toBeLessThan(0.01)
  })

  it('cuts a run without a break, which hardly changes the count', async () => {
    const text = 'a'.repeat(4_096)
    expect(Math.abs((await countTokens(text)) / encode(text).length - 1)).toBeLessThan(0.02)
  })

  it.each(['a', ' ', '\n', '.', '漢', '😀', '\ud800', '\u0000'])(
    'takes no longer for a million of %j than for 40,000 of them',
    async (character) => {
      await countTokens('warm')
      const little = await milliseconds(() => countTokens(character.repeat(40_000)))
      const much = await milliseconds(() => countTokens(character.repeat(1_000_000)))
      // The million is 25 times longer: work by its length would take 25 times as long, by its square 625 times.
      expect(much).toBeLessThan(10 * little + 50)
      expect(much).toBeLessThan(2_000)
    },
  )
})

async function milliseconds(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await act()
  return performance.now() - start
}
