import { expect, test } from 'vitest'
import { toChatUsage, toResponsesUsage } from './usage.ts'

const chat = {
  prompt_tokens: 120,
  completion_tokens: 40,
  total_tokens: 160,
  prompt_tokens_details: { cached_tokens: 100, cache_write_tokens: 3 },
  completion_tokens_details: { reasoning_tokens: 20 },
}
const responses = {
  input_tokens: 120,
  input_tokens_details: { cached_tokens: 100, cache_write_tokens: 3 },
  output_tokens: 40,
  output_tokens_details: { reasoning_tokens: 20 },
  total_tokens: 160,
}

test('every count survives both ways', () => {
  expect(toResponsesUsage(chat)).toEqual(responses)
  expect(toChatUsage(responses)).toEqual(chat)
})

test('details the upstream left out are zero', () => {
  expect(toResponsesUsage({ prompt_tokens: 1, completion_tokens: 0, total_tokens: 1 })).toMatchObject({
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: 0,
    output_tokens_details: { reasoning_tokens: 0 },
  })
})

test.each([undefined, null, 'many', {}, { prompt_tokens: -1, completion_tokens: 2 }, { prompt_tokens: '3' }])(
  'usage %j is no usage',
  (value) => {
    expect(toResponsesUsage(value)).toBeNull()
    expect(toChatUsage(value)).toBeNull()
  },
)
