import { asObject, isObject } from './json.ts'
import type { TokenUsage } from './outcome.ts'

export type UsageReading = { kind: 'given'; usage: TokenUsage } | { kind: 'absent' } | { kind: 'invalid' }

/** A count above this is no count: it would not fit exactly into the ledger's sums. */
const MAX_TOKENS = 1e12

/**
 * Reads a usage object of either protocol. Zero is zero. Absent is not invalid; negative, NaN, a string or a missing
 * main count is. Details that make no sense are dropped, not believed: they are parts of the main counts. What is read from
 * a cache or written to it is also taken from where servers in front of other makers' models put it, beside the counts.
 */
export function readUsage(value: unknown): UsageReading {
  if (value === null || value === undefined) return { kind: 'absent' }
  if (!isObject(value)) return { kind: 'invalid' }
  const inputTokens = value.input_tokens ?? value.prompt_tokens
  const outputTokens = value.output_tokens ?? value.completion_tokens
  if (!isCount(inputTokens) || !isCount(outputTokens)) return { kind: 'invalid' }
  const input = asObject(value.input_tokens_details ?? value.prompt_tokens_details)
  const output = asObject(value.output_tokens_details ?? value.completion_tokens_details)
  const cached = input.cached_tokens ?? value.cache_read_input_tokens ?? value.prompt_cache_hit_tokens
  const written = input.cache_write_tokens ?? input.cache_creation_tokens ?? value.cache_creation_input_tokens
  const cachedInputTokens = part(cached, inputTokens)
  return {
    kind: 'given',
    usage: {
      inputTokens,
      cachedInputTokens,
      cacheWriteTokens: part(written, inputTokens - cachedInputTokens),
      outputTokens,
      reasoningTokens: part(output.reasoning_tokens, outputTokens),
    },
  }
}

function part(value: unknown, whole: number): number {
  return isCount(value) ? Math.min(value, whole) : 0
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= MAX_TOKENS
}
