import { type Call, inputBytesOf } from './call.ts'

/** Input is estimated before anything is counted: a token is seldom shorter than this. */
export const BYTES_PER_TOKEN = 3

/**
 * Input and output of a request at admission to its token rates: its bytes / 3, and the output it states, else what its group
 * assumes. What is only assumed never makes a request larger than the whole limit of its key or group: it would be refused
 * for ever for a maximum nobody stated. So it passes when the minute before it is empty.
 */
export function estimateTokens({ body, caller, ...sent }: Pick<Call, 'bytes' | 'form' | 'body' | 'caller'>): number {
  const input = estimateInputTokens(inputBytesOf(sent))
  if (body.maxOutputTokens !== null) return input + body.maxOutputTokens
  const { keyRates, group } = caller
  const limit = Math.min(
    keyRates.tokensPerMinute ?? Number.POSITIVE_INFINITY,
    group.rates.tokensPerMinute ?? Number.POSITIVE_INFINITY,
  )
  return input + Math.max(0, Math.min(group.assumedOutputTokens, limit - input))
}

export function estimateInputTokens(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN)
}
