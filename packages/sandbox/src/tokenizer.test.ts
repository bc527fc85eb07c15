import { expect, test } from 'vitest'
import { loadExactTokenizer } from './tokenizer.ts'

const tokenizer = await loadExactTokenizer()

test.each([
  ['', 0],
  ['hello world', 2],
  ['<|endoftext|>', 7],
])('%j has %i tokens', (text, count) => {
  expect(tokenizer.count(text)).toBe(count)
})

test('a cut text has at most the tokens it may have, and no half character', () => {
  const text = '🦊'.repeat(20)
  for (let most = 0; most <= 12; most += 1) {
    const cut = tokenizer.cut(text, most)
    expect(text.startsWith(cut)).toBe(true)
    expect(tokenizer.count(cut)).toBeLessThanOrEqual(most)
  }
  expect(tokenizer.cut('short', 100)).toBe('short')
})

test('an unbroken run of letters does not take quadratic time', () => {
  const startedAt = performance.now()
  expect(tokenizer.count('a'.repeat(100_000))).toBeGreaterThan(10_000)
  expect(performance.now() - startedAt).toBeLessThan(3_000)
})
