import type { JsonObject } from '../json.ts'
import { readUsage } from '../usage.ts'

/** Usage of a chat answer as the Responses API writes it; null where the upstream gave none that makes sense. */
export function toResponsesUsage(chatUsage: unknown): JsonObject | null {
  const reading = readUsage(chatUsage)
  if (reading.kind !== 'given') return null
  const { inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens, reasoningTokens } = reading.usage
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedInputTokens, cache_write_tokens: cacheWriteTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens,
  }
}

/** Usage of a Responses answer as Chat Completions writes it; null where the upstream gave none that makes sense. */
export function toChatUsage(responsesUsage: unknown): JsonObject | null {
  const reading = readUsage(responsesUsage)
  if (reading.kind !== 'given') return null
  const { inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens, reasoningTokens } = reading.usage
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens, cache_write_tokens: cacheWriteTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  }
}
