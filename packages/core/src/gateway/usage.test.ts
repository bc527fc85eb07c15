import { describe, expect, test } from 'vitest'
import { readUsage } from './usage.ts'

const NONE = { inputTokens: 0, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0, reasoningTokens: 0 }

describe('readUsage', () => {
  test.each([
    [
      'chat',
      {
        prompt_tokens: 100,
        completion_tokens: 50,
        total_tokens: 150,
        prompt_tokens_details: { cached_tokens: 60, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 20 },
      },
      { ...NONE, inputTokens: 100, cachedInputTokens: 60, outputTokens: 50, reasoningTokens: 20 },
    ],
    [
      'responses',
      {
        input_tokens: 100,
        output_tokens: 50,
        input_tokens_details: { cached_tokens: 10, cache_write_tokens: 30 },
        output_tokens_details: { reasoning_tokens: 50 },
      },
      { inputTokens: 100, cachedInputTokens: 10, cacheWriteTokens: 30, outputTokens: 50, reasoningTokens: 50 },
    ],
    [
      'a cache as servers in front of other makers write it',
      { prompt_tokens: 100, completion_tokens: 5, cache_read_input_tokens: 60, cache_creation_input_tokens: 30 },
      { ...NONE, inputTokens: 100, cachedInputTokens: 60, cacheWriteTokens: 30, outputTokens: 5 },
    ],
    [
      'a cache as others do',
      { prompt_tokens: 100, completion_tokens: 5, prompt_cache_hit_tokens: 60 },
      { ...NONE, inputTokens: 100, cachedInputTokens: 60, outputTokens: 5 },
    ],
    ['zero, which is zero', { prompt_tokens: 0, completion_tokens: 0 }, NONE],
    [
      'details that are null',
      { prompt_tokens: 1, completion_tokens: 2, prompt_tokens_details: null, completion_tokens_details: null },
      { ...NONE, inputTokens: 1, outputTokens: 2 },
    ],
    ['the largest count', { input_tokens: 1e12, output_tokens: 0 }, { ...NONE, inputTokens: 1e12 }],
  ])('reads %s', (_, given, usage) => {
    expect(readUsage(given)).toEqual({ kind: 'given', usage })
  })

  test.each([
    ['more cached than read', { cached_tokens: 11 }, { cachedInputTokens: 10, cacheWriteTokens: 0 }],
    [
      'more written than left',
      { cached_tokens: 8, cache_write_tokens: 3 },
      { cachedInputTokens: 8, cacheWriteTokens: 2 },
    ],
    ['negative', { cached_tokens: -1, cache_write_tokens: -1 }, { cachedInputTokens: 0, cacheWriteTokens: 0 }],
    ['text', { cached_tokens: '5' }, { cachedInputTokens: 0, cacheWriteTokens: 0 }],
  ])('does not believe details that are %s', (_, details, parts) => {
    const reading = readUsage({ input_tokens: 10, output_tokens: 1, input_tokens_details: details })
    expect(reading).toMatchObject({ kind: 'given', usage: { inputTokens: 10, ...parts } })
  })

  test('does not believe more reasoning than output', () => {
    const details = { reasoning_tokens: 6 }
    const reading = readUsage({ prompt_tokens: 1, completion_tokens: 5, completion_tokens_details: details })
    expect(reading).toMatchObject({ usage: { outputTokens: 5, reasoningTokens: 5 } })
  })

  test.each([[null], [undefined]])('%s is absent', (value) => {
    expect(readUsage(value)).toEqual({ kind: 'absent' })
  })

  test.each([
    ['an empty object', {}],
    ['a string', '15 tokens'],
    ['an array', [1, 2]],
    ['only one of the two counts', { prompt_tokens: 5 }],
    ['a negative count', { prompt_tokens: -1, completion_tokens: 5 }],
    ['a count as a string', { input_tokens: '7', output_tokens: 5 }],
    ['NaN', { input_tokens: Number.NaN, output_tokens: 5 }],
    ['half a token', { input_tokens: 1.5, output_tokens: 5 }],
    ['a count past the largest', { input_tokens: 1e12 + 1, output_tokens: 5 }],
    ['infinity', { input_tokens: 1, output_tokens: Number.POSITIVE_INFINITY }],
    ['a count that is null', { input_tokens: null, output_tokens: 5 }],
  ])('%s is invalid', (_, value) => {
    expect(readUsage(value)).toEqual({ kind: 'invalid' })
  })
})
